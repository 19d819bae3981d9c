"""What a new ticket stands on, in one statement: the rules in force, the team that serves it, and its keys."""

from dataclasses import dataclass

from helpdesk.accounts.models import Account
from helpdesk.core import prepared
from helpdesk.core.bulk import next_id
from helpdesk.core.channels import Channel
from helpdesk.sla import kept
from helpdesk.sla.models import CalendarVersion, Clock, PolicyVersion
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Message, Ticket

# As `sla.business_calendar` and `sla.choose_policy` read them; the team is the one that serves the hub (SPEC 2.1).
GROUND = f"""
    SELECT (SELECT version.id FROM helpdesk_calendarversion AS version
              JOIN helpdesk_calendar AS calendar ON calendar.id = version.calendar_id
             WHERE version.is_current
               AND CASE WHEN %(calendar)s::bigint IS NULL THEN calendar.is_default
                        ELSE calendar.id = %(calendar)s::bigint END),
           ARRAY(SELECT version.id FROM helpdesk_policyversion AS version
                   JOIN helpdesk_policy AS policy ON policy.id = version.policy_id
                  WHERE version.is_current AND policy.is_active
                  ORDER BY policy.position, policy.id),
           (SELECT team.id FROM helpdesk_team AS team JOIN helpdesk_hub_teams AS serves ON serves.team_id = team.id
             WHERE serves.hub_id = %(hub)s AND %(channel)s = ANY(team.channels)
             ORDER BY team.id LIMIT 1),
           coalesce(%(ticket)s, {next_id(Ticket)}),
           {next_id(Message)},
           {next_id(Clock)},
           {next_id(Clock)}
"""  # noqa: S608 - made of names of tables


@dataclass(frozen=True, slots=True)
class Ground:
    """`policies` are those in force, in order; `clock_ids` are enough for all that one ticket begins with."""

    calendar_version: CalendarVersion
    policies: list[PolicyVersion]
    team_id: int | None
    ticket_id: int
    message_id: int
    clock_ids: tuple[int, int]


def ground(*, account: Account, hub: Hub, channel: Channel, ticket_id: int | None) -> Ground:
    """One query; another two where this process has not met a version yet."""
    values = {"calendar": account.calendar_id, "hub": hub.pk, "channel": channel, "ticket": ticket_id}
    with prepared.cursor() as cursor:
        cursor.execute(GROUND, values)
        calendar, policies, team, ticket, message, *clocks = cursor.fetchone()
    return Ground(
        calendar_version=kept.calendars.of([calendar])[0],
        policies=kept.policies.of(policies),
        team_id=team,
        ticket_id=ticket,
        message_id=message,
        clock_ids=tuple(clocks),
    )
