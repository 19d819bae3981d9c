"""Whom a ticket can be given to: who is here now, how much each has, who is away."""

from datetime import datetime
from typing import Any

from django.db.models import DateTimeField, Max, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.accounts.models import Absence, StaffRole, User
from helpdesk.accounts.presence import people_present
from helpdesk.tickets.queue import MOST_LOAD, with_load
from helpdesk.workspace.wording import instant


def staff_groups(*, now: datetime) -> list[dict[str, Any]]:
    """Everybody who can own a ticket, those who are here first, who is away last; in each group the least busy first.

    One query, whoever many there are. Where nobody knows who is here, those who aren't away are one group.
    """
    present = people_present()
    here, elsewhere, away = [], [], []
    for person in sorted(_staff(now=now), key=lambda person: (person.load, str(person))):
        text = f"{person} · {_load_words(person.load)}"
        if person.away_until is not None:
            away.append((person.pk, f"{text} · {_('until %(at)s') % {'at': instant(person.away_until)}}"))
        elif present is None or person.pk in present:
            here.append((person.pk, text))
        else:
            elsewhere.append((person.pk, text))
    labels = (_("Not away") if present is None else _("Here now"), _("No screen open"), _("Away"))
    rows = zip(labels, (here, elsewhere, away), strict=True)
    return [{"label": label, "people": group} for label, group in rows if group]


def _staff(*, now: datetime) -> QuerySet[User]:
    """Reads the partial index of staff."""
    absent = Absence.objects.covering(now).filter(user=OuterRef("pk")).order_by().values("user")
    away = Subquery(absent.annotate(until=Max("ends_at")).values("until"), output_field=DateTimeField())
    staff = User.objects.filter(is_active=True, staff_role__in=StaffRole.values)
    return with_load(staff.only("pk", "full_name", "email").annotate(away_until=away))


def _load_words(load: int) -> str:
    if load >= MOST_LOAD:
        return _("%(count)d or more open") % {"count": MOST_LOAD}
    return ngettext("%(count)d open", "%(count)d open", load) % {"count": load}
