"""What a new ticket stands on, in one statement: the rules in force, the team that serves it, and its keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from helpdesk.accounts.models import Account
from helpdesk.core import prepared
from helpdesk.core.bulk import next_id
from helpdesk.core.channels import Channel
from helpdesk.sla import kept
from helpdesk.sla.models import CalendarVersion, Clock, PolicyVersion
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Message, Ticket

# As `sla.business_calendar` and `sla.choose_policy` read them; the team is the one that serves the hub (SPEC 2.1).
_GROUND = f"""
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
           {{ticket}},
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


_ALONE = _GROUND.format(ticket=next_id(Ticket))
_AFTER = "WITH entry AS ({entry}) " + _GROUND.format(ticket="entry.ticket_id") + " FROM entry"


def ground(
    *, account: Account, hub: Hub, channel: Channel, entry: str = "", values: Mapping[str, Any] | None = None
) -> Ground | None:
    """One statement; another two where this process has not met a version yet.

    `entry`: an INSERT that comes first and returns the `ticket_id` that it drew, with its values; None where it
    inserts nothing.
    """
    asked = {"calendar": account.calendar_id, "hub": hub.pk, "channel": channel, **(values or {})}
    with prepared.cursor() as cursor:
        cursor.execute(_AFTER.format(entry=entry) if entry else _ALONE, asked)
        found = cursor.fetchone()
    if found is None:
        return None
    calendar, policies, team, ticket, message, *clocks = found
    return Ground(
        calendar_version=kept.calendars.of([calendar])[0],
        policies=kept.policies.of(policies),
        team_id=team,
        ticket_id=ticket,
        message_id=message,
        clock_ids=tuple(clocks),
    )
