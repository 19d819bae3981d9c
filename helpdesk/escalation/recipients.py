"""Who hears of an escalation."""

from collections import defaultdict
from dataclasses import dataclass

from helpdesk.accounts.models import StaffRole, TeamMembership, User
from helpdesk.notifications.services import Reader
from helpdesk.sla.terms import Recipient
from helpdesk.tickets.models import Ticket


@dataclass(frozen=True, slots=True)
class Directory:
    """The staff by role and team, read once for a whole sweep (two queries)."""

    people: dict[int, User]
    readers: dict[int, Reader]
    teams: dict[int, tuple[int, ...]]
    leads: dict[int, tuple[int, ...]]
    managers: tuple[int, ...]
    administrators: tuple[int, ...]

    @classmethod
    def load(cls) -> "Directory":
        people = {user.pk: user for user in User.objects.exclude(staff_role="").filter(is_active=True)}
        teams, leads = defaultdict(list), defaultdict(list)
        for row in TeamMembership.objects.filter(user_id__in=people).order_by("id"):
            teams[row.team_id].append(row.user_id)
            if row.is_lead:
                leads[row.team_id].append(row.user_id)
        return cls(
            people=people,
            readers={
                pk: Reader(email=user.email, user_id=pk, language=user.language, time_zone=user.time_zone)
                for pk, user in people.items()
            },
            teams={team: tuple(users) for team, users in teams.items()},
            leads={team: tuple(users) for team, users in leads.items()},
            managers=tuple(pk for pk, user in people.items() if user.staff_role == StaffRole.MANAGER),
            administrators=tuple(pk for pk, user in people.items() if user.staff_role == StaffRole.ADMINISTRATOR),
        )

    def find(self, *, ticket: Ticket, recipients: tuple[Recipient, ...]) -> list[Reader]:
        """The people to tell, each once. Where a post is vacant the next one up is told: never nobody."""
        found: dict[int, None] = {}
        for recipient in recipients:
            found.update(dict.fromkeys(self._holders(ticket, recipient)))
        return [self.readers[pk] for pk in found]

    def _holders(self, ticket: Ticket, recipient: Recipient) -> tuple[int, ...]:
        owner = (ticket.owner_id,) if ticket.owner_id in self.people else ()
        ladder = {
            Recipient.OWNER: owner,
            Recipient.TEAM: self.teams.get(ticket.team_id, ()),
            Recipient.TEAM_LEAD: self.leads.get(ticket.team_id, ()),
            Recipient.MANAGER: self.managers,
        }
        posts = list(ladder)
        for post in posts[posts.index(recipient) :]:
            if ladder[post]:
                return ladder[post]
        return self.administrators
