import time
from datetime import datetime
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from helpdesk.accounts.models import User
from helpdesk.core.arguments import whole
from helpdesk.management.demo.calls import bring_calls, bring_waiting
from helpdesk.management.demo.cast import Cast
from helpdesk.management.demo.files import bring_files
from helpdesk.management.demo.found import bring_shortcuts, bring_tags, bring_views, bring_words
from helpdesk.management.demo.invited import bring_invitation
from helpdesk.management.demo.library import bring_articles
from helpdesk.management.demo.notices import bring_notices
from helpdesk.management.demo.statements import bring_statements
from helpdesk.management.demo.voices import bring_escalations, bring_ratings
from helpdesk.management.demo.world import make_world
from helpdesk.sla.verification import verify

BULK = 20_000  # from so many tickets on, indexes are made after the rows


def instant(text: str) -> datetime:
    value = parse_datetime(text)
    if value is None or value.tzinfo is None:
        raise CommandError(f"--now: {text!r} is not an instant like 2026-11-24T12:05:00Z")
    return value


class Command(BaseCommand):
    help = (
        "Fill an empty database with invented people, companies and tickets. The same seed and the same --now give "
        "the same data. A database that knows people already is left alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tickets", type=whole(0), default=300, help="and three of waiting calls, where they are few"
        )
        parser.add_argument("--accounts", type=whole(1), default=24)
        parser.add_argument(
            "--days", type=whole(1, 3_650), help="how far back they reach (60; 730 for 20,000 tickets and more)"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--now", type=instant, help="the present of the data, with its zone; else the real one")
        parser.add_argument(
            "--open", type=whole(0), help="open tickets among them (40, or a twentieth when that is more)"
        )
        parser.add_argument(
            "--due", type=whole(0), default=0, help="open tickets with a step that no sweep has fired yet"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if User.objects.exists():
            self.stdout.write("There are people in this database already: nothing was changed.")
            return
        tickets = options["tickets"]
        now = options["now"] or timezone.now().replace(microsecond=0)
        days = options["days"] or (730 if tickets >= BULK else 60)
        open_ = options["open"]
        if open_ is None:
            open_ = max(min(40, tickets // 4), tickets // 20)
        if open_ > tickets or options["due"] > open_:
            raise CommandError("--open can't exceed --tickets, nor --due --open")
        begun = time.monotonic()
        rng = Random(options["seed"])  # noqa: S311 - invented data, the same for the same seed
        with transaction.atomic():
            world = make_world(rng=rng, accounts=options["accounts"], now=now, days=days)
            cast = Cast(world=world, rng=rng, now=now, days=days, say=self.say)
            cast.perform(past=tickets - open_, present=open_, due=options["due"], bulk=tickets >= BULK)
            self.say("Writing down the words that tickets are found by")
            bring_words(bulk=tickets >= BULK)
            bring_tags()
            bring_articles(now=now)
            bring_views(now=now)
            bring_shortcuts(now=now)
            bring_calls(now=now)
            bring_ratings(now=now)
            if tickets < BULK:
                bring_escalations(now=now)
                bring_waiting(now=now)
                bring_files()
                bring_invitation(now=now)
                bring_notices(now=now)
                bring_statements(now=now)
                verify(now=now)  # else the watchdog would find that nobody ever did
        self.say(f"Done in {time.monotonic() - begun:.1f} s")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
