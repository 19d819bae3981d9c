"""Who hears of an escalation, and who is passed over because they are away."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from helpdesk.accounts.models import Absence, OnCallShift, StaffRole, TeamMembership, User
from helpdesk.accounts.readers import reader_of
from helpdesk.notifications.services import Reader
from helpdesk.sla.terms import Recipient
from helpdesk.tickets.models import Ticket

# Who is next in line where a post is vacant, or everybody in it away. After the managers: administrators.
NEXT = {
    Recipient.OWNER: Recipient.TEAM,
    Recipient.TEAM: Recipient.TEAM_LEAD,
    Recipient.ON_CALL: Recipient.TEAM_LEAD,
    Recipient.TEAM_LEAD: Recipient.MANAGER,
    Recipient.MANAGER: None,
}


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who is told, and who was passed over until when, as an escalation keeps it."""

    readers: list[Reader]
    skipped: list[dict[str, Any]]

    @property
    def told(self) -> list[int | None]:
        return [reader.user_id for reader in self.readers]


@dataclass(frozen=True, slots=True)
class Directory:
    """The staff by role, team and duty, and who is away, as of an instant: read once for a whole sweep."""

    people: dict[int, User]
    readers: dict[int, Reader]
    teams: dict[int, tuple[int, ...]]
    leads: dict[int, tuple[int, ...]]
    on_call: dict[int | None, tuple[int, ...]]  # None: for all teams
    managers: tuple[int, ...]
    administrators: tuple[int, ...]
    away: dict[int, datetime]  # until when

    @classmethod
    def load(cls, *, now: datetime) -> "Directory":
        """Four queries."""
        people = {user.pk: user for user in User.objects.exclude(staff_role="").filter(is_active=True)}
        memberships = list(TeamMembership.objects.filter(user_id__in=people).order_by("id"))
        shifts = OnCallShift.objects.covering(now).filter(user_id__in=people).order_by("starts_at", "id")
        absences = Absence.objects.covering(now).filter(user_id__in=people).order_by("ends_at")
        return cls(
            people=people,
            readers={pk: reader_of(user, now=now) for pk, user in people.items()},
            teams=_grouped((row.team_id, row.user_id) for row in memberships),
            leads=_grouped((row.team_id, row.user_id) for row in memberships if row.is_lead),
            on_call=_grouped((shift.team_id, shift.user_id) for shift in shifts),
            managers=_with_role(people, StaffRole.MANAGER),
            administrators=_with_role(people, StaffRole.ADMINISTRATOR),
            away={absence.user_id: absence.ends_at for absence in absences},
        )

    def find(self, *, ticket: Ticket, recipients: tuple[Recipient, ...]) -> Hearing:
        """The people to tell, each once, and those who would have been told but are away (SPEC 2.5)."""
        told: dict[int, None] = {}
        passed_over: dict[int, datetime] = {}
        for recipient in recipients:
            told.update(dict.fromkeys(self._present(ticket, recipient, passed_over)))
        return Hearing(
            readers=[self.readers[pk] for pk in told],
            skipped=[{"user": pk, "until": at.isoformat()} for pk, at in passed_over.items() if pk not in told],
        )

    def _present(
        self, ticket: Ticket, recipient: Recipient, passed_over: dict[int, datetime]
    ) -> list[int] | tuple[int, ...]:
        """Who holds a post and is there, or the next in line; where nobody is, who holds it although away."""
        post: Recipient | None = recipient
        asked: tuple[int, ...] = ()
        while True:
            holders = self._holders(ticket, post)
            if present := [pk for pk in holders if pk not in self.away]:
                passed_over.update((pk, self.away[pk]) for pk in holders if pk in self.away)
                return present
            passed_over.update((pk, self.away[pk]) for pk in holders)
            asked = asked or holders
            if post is None:
                return asked
            post = NEXT[post]

    def _holders(self, ticket: Ticket, post: Recipient | None) -> tuple[int, ...]:
        match post:
            case Recipient.OWNER:
                return (ticket.owner_id,) if ticket.owner_id in self.people else ()
            case Recipient.TEAM:
                return self.teams.get(ticket.team_id, ())
            case Recipient.TEAM_LEAD:
                return self.leads.get(ticket.team_id, ())
            case Recipient.ON_CALL:
                own = self.on_call.get(ticket.team_id, ()) if ticket.team_id else ()
                return own + self.on_call.get(None, ())
            case Recipient.MANAGER:
                return self.managers
        return self.administrators


def _grouped(pairs: Iterable[tuple[Any, int]]) -> dict[Any, tuple[int, ...]]:
    groups: dict[Any, list[int]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _with_role(people: dict[int, User], role: StaffRole) -> tuple[int, ...]:
    return tuple(pk for pk, user in people.items() if user.staff_role == role)
