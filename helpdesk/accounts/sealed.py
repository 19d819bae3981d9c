"""Where secrets lie sealed, how many under which key, and how they come under a new one (decision 38)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import models, transaction
from django.db.models import Count, F, Func, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from helpdesk.accounts.providers import IdentityProvider
from helpdesk.core.sealing import PREFIX, LostKey, key_names, reseal, unseal
from helpdesk.notifications.services import beat

HEARTBEAT = "sealed_secrets"
BATCH = 500  # rows
FACTORS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


@dataclass(slots=True)
class Secrets:
    """How many there are: under the key that seals, under an older one, under none, under one that is lost."""

    current: int = 0
    old: int = 0
    plain: int = 0
    lost: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def look(*, now: datetime) -> Secrets:
    """Count them without opening any, and leave word for the watchdog."""
    found, names = Secrets(), key_names()
    factor = Authenticator.objects.filter(type__in=FACTORS).annotate(
        text=Coalesce(KT("data__secret"), KT("data__seed"))
    )
    provider = IdentityProvider.objects.exclude(secret="").annotate(text=F("secret"))
    for rows in (factor, provider):
        part = Func(F("text"), Value(":"), Value(2), function="split_part", output_field=models.TextField())
        sealed = rows.filter(text__startswith=PREFIX).annotate(key_name=part)
        for name, count in sealed.values_list("key_name").annotate(count=Count("pk")).order_by():
            state = "current" if name == names[0] else "old" if name in names else "lost"
            setattr(found, state, getattr(found, state) + count)
        found.plain += rows.exclude(text__startswith=PREFIX).count()
    beat(name=HEARTBEAT, now=now, detail=found.as_json())
    return found


def reseal_all(*, now: datetime) -> Secrets:
    """Bring every secret under the first key, each row in a transaction of its own; one that is lost stays as it is."""
    for model, change in ((IdentityProvider, _provider), (Authenticator, _factor)):
        last = 0
        while ids := list(model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
            for pk in ids:
                _one(model, pk, change)
            last = ids[-1]
    return look(now=now)


def forget_lost() -> int:
    """Delete the factors that can't be read, where their key is gone for good; returns how many.

    Who had no other signs in with the password alone, and staff are led to set up a new one: an operator's decision.
    """
    lost = [row.pk for row in Authenticator.objects.filter(type__in=FACTORS).iterator(BATCH) if _is_lost(row)]
    return Authenticator.objects.filter(pk__in=lost).delete()[0]


def _is_lost(row: Authenticator) -> bool:
    try:
        unseal(row.data.get(FACTORS[row.type]) or "")
    except LostKey:
        return True
    return False


@transaction.atomic
def _one(model: type[models.Model], pk: int, change: Callable[[Any], dict[str, Any]]) -> None:
    row = model.objects.select_for_update(no_key=True).filter(pk=pk).first()
    if row is None:
        return
    try:
        changed = change(row)
    except LostKey:
        return  # counted, and shown to the operators
    if changed:
        model.objects.filter(pk=pk).update(**changed)


def _provider(row: IdentityProvider) -> dict[str, str]:
    again = reseal(row.secret) if row.secret else ""
    return {"secret": again} if again != row.secret else {}


def _factor(row: Authenticator) -> dict[str, Any]:
    """A passkey's is a public key, and no secret."""
    name = FACTORS.get(row.type)
    if name is None or not row.data.get(name):
        return {}
    again = row.data | {name: reseal(row.data[name])}
    return {"data": again} if again != row.data else {}
