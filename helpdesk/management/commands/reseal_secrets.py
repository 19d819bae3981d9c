"""Bring every secret in the database under the first key (docs/secrets.md)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from helpdesk.accounts.sealed import forget_lost as forget
from helpdesk.accounts.sealed import look, reseal_all
from helpdesk.core.sealing import key_names


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--check", action="store_true", help="count only, change nothing")
        parser.add_argument("--forget-lost", action="store_true", help="delete second factors that can't be read")

    def handle(self, *args: Any, check: bool, forget_lost: bool, **options: Any) -> None:
        """Fails while a secret is left that can't be read: an old key may go when none needs it any more."""
        if forget_lost and not check:
            self.stdout.write(f"Second factors deleted: {forget()}.")
        found = (look if check else reseal_all)(now=timezone.now())
        self.stdout.write(f"Key {key_names()[0]} seals. Secrets under it: {found.current}.")
        self.stdout.write(f"Under an older key that is set: {found.old}; not sealed: {found.plain}.")
        if found.lost:
            raise CommandError(f"{found.lost} were sealed with a key that is not set; see docs/secrets.md.")
