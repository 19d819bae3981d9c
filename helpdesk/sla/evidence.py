"""What a clock's events rest on: the messages, acts and decisions of its ticket, looked for in SQL.

Each statement finds what is without its reason among given clocks. Tables of tickets are named here,
and not their models, since those know this package and not the other way round.
"""

from collections.abc import Iterator, Sequence

from django.db import connection

_EVENTS = """
FROM helpdesk_clockevent AS event
JOIN helpdesk_clock AS clock ON clock.id = event.clock_id
JOIN helpdesk_ticket AS ticket ON ticket.id = clock.ticket_id
WHERE clock.id = ANY(%(ids)s)"""

# Something happened to the ticket at that very instant, by that very person.
_ACT = (
    "'no act on the ticket goes with its ' || event.kind || ' of ' || event.recorded_at",
    """event.kind <> 'breach' AND NOT event.data ? 'copy_of'
  AND NOT EXISTS (SELECT FROM helpdesk_ticketevent AS act
                  WHERE act.ticket_id = ticket.id AND act.at = event.recorded_at
                    AND (act.actor_id IS NOT DISTINCT FROM event.actor_id
                         OR act.kind = 'opened' AND event.actor_id = ticket.requester_id)
                    AND (event.kind <> 'start'
                         OR act.kind IN ('opened', 'customer_wrote', 'reopened', 'call_asked')))""",
)

# It began with the ticket, with a message of the customer, or when the ticket was reopened; a call's as it was
# asked for, with the window's beginning where one was chosen.
_START = (
    "'nothing on the ticket starts it at ' || event.at",
    """event.kind = 'start' AND NOT event.data ? 'copy_of'
  AND NOT (event.at = event.recorded_at AND event.at = ticket.created_at)
  AND NOT (event.at = event.recorded_at
           AND EXISTS (SELECT FROM helpdesk_ticketevent AS act
                       WHERE act.ticket_id = ticket.id AND act.at = event.at AND act.kind =
                             CASE clock.metric WHEN 'resolution' THEN 'reopened' ELSE 'customer_wrote' END))
  AND NOT (clock.metric = 'callback'
           AND coalesce((event.data->>'asked')::timestamptz, event.at) = event.recorded_at
           AND EXISTS (SELECT FROM helpdesk_ticketevent AS act
                       WHERE act.ticket_id = ticket.id AND act.at = event.recorded_at AND act.kind = 'call_asked'
                         AND coalesce((act.data->>'begins')::timestamptz, act.at) = event.at))""",
)

# Or it is another clock that goes on here: that ticket was merged into this one, or this one was not spam after all.
_COPY = (
    "'no other clock has its ' || event.kind || ' of ' || event.at",
    """event.data ? 'copy_of'
  AND NOT EXISTS (SELECT FROM helpdesk_clockevent AS original
                  JOIN helpdesk_clock AS other ON other.id = original.clock_id
                  JOIN helpdesk_ticketevent AS act ON act.ticket_id = ticket.id AND act.at = event.recorded_at
                  WHERE original.clock_id = (event.data->>'copy_of')::bigint
                    AND other.metric = clock.metric AND other.promise = clock.promise AND other.state = 'cancelled'
                    AND other.ticket_id = coalesce((act.data->>'ticket')::bigint, ticket.id)
                    AND act.kind IN ('absorbed', 'not_spam')
                    AND original.number = event.number AND original.kind = event.kind AND original.at = event.at
                    AND original.actor_id IS NOT DISTINCT FROM event.actor_id
                    AND original.data - 'copy_of' = event.data - 'copy_of')""",
)

# Somebody answered: a public reply, a connected call, a joined chat; the solving of the ticket.
_ANSWER = (
    "'nothing on the ticket answers it at ' || event.at",
    """event.kind = 'fulfil'
  AND NOT EXISTS (
      SELECT FROM helpdesk_ticketevent AS act
      WHERE act.ticket_id = ticket.id AND act.at = event.at AND act.actor_id = (event.data->>'by')::bigint
        AND CASE clock.metric
            WHEN 'resolution' THEN act.kind = 'status' AND act.data->>'after' IN ('solved', 'closed')
            WHEN 'callback' THEN act.kind = 'called' AND (act.data->>'connected')::boolean
            WHEN 'chat_pickup' THEN act.kind IN ('joined', 'replied')
            ELSE act.kind = 'called' AND (act.data->>'connected')::boolean OR act.kind = 'replied'
            END
        AND (act.kind <> 'replied' OR EXISTS (
            SELECT FROM helpdesk_message AS said
            WHERE said.id = (act.data->>'message')::bigint AND said.kind = 'reply'
              AND said.author_id = act.actor_id AND said.created_at = act.at)))""",
)

# Aggregates of one ticket's rows, and no EXISTS: that one the planner may turn into a join over all tickets.
_SET_BACK = """(SELECT coalesce(bool_or(steps.at < steps.before), FALSE)
                  FROM (SELECT act.at, lag(act.at) OVER (ORDER BY act.id) AS before
                        FROM helpdesk_ticketevent AS act WHERE act.ticket_id = ticket.id) AS steps)"""
_RECORDED_BACK = """(SELECT coalesce(bool_or(steps.at < steps.before), FALSE)
                  FROM (SELECT own.recorded_at AS at,
                               lag(own.recorded_at) OVER (PARTITION BY own.clock_id ORDER BY own.number) AS before
                        FROM helpdesk_clockevent AS own
                        WHERE own.clock_id = ANY (ARRAY(SELECT any_of.id FROM helpdesk_clock AS any_of
                                                        WHERE any_of.ticket_id = ticket.id))) AS steps)"""

# The owner that a breach names had the ticket then. (Nobody can tell of a ticket whose events were written out of
# order: the server's clock was set back, or an answer came just behind the sweep.)
_OWNER_THEN = (
    "'another one owned it when it was due at ' || event.at",
    """event.kind = 'breach' AND NOT event.data ?| ARRAY['reason', 'copy_of']
  AND coalesce(event.data->>'owner', '') <> ALL (ARRAY[
      coalesce({after_earlier}, {before_later_or_then}, ticket.owner_id::text, ''),
      coalesce({after_earlier_or_then}, {before_later}, ticket.owner_id::text, '')])
  AND NOT EXISTS (SELECT FROM helpdesk_ticketevent AS act WHERE act.ticket_id = ticket.id
                  AND act.at = event.recorded_at AND act.kind IN ('absorbed', 'not_spam'))
  AND NOT {recorded_back}
  AND NOT {set_back}""",
)

# The owner that an answer names had the ticket before it: who answers what is nobody's takes it by that.
_OWNER_BEFORE = (
    "'another one owned it when it was answered at ' || event.at",
    """event.kind = 'fulfil'
  AND NOT EXISTS (SELECT FROM helpdesk_ticketevent AS answer
                  WHERE answer.ticket_id = ticket.id AND answer.at = event.at
                    AND answer.kind IN ('replied', 'called', 'joined', 'status')
                    AND coalesce(event.data->>'owner', '')
                        = coalesce({after_before_it}, {before_after_it}, ticket.owner_id::text, ''))
  AND NOT {set_back}""",
)

# An exception has effect as it was approved.
_EXCEPTION = (
    "'no approved exception goes with its exempt of ' || event.at",
    """event.kind = 'exempt' AND NOT event.data ? 'copy_of'
  AND NOT EXISTS (SELECT FROM helpdesk_clockexception AS granted
                  WHERE granted.id = (event.data->>'exception')::bigint AND granted.clock_id = clock.id
                    AND granted.state = 'approved' AND granted.decided_at = event.at
                    AND granted.effect = coalesce(event.data->>'effect', 'void')
                    AND granted.code_id = event.data->>'reason')""",
)

# Cycles are counted from 1, in the order in which they began.
_CYCLE = """
SELECT clock.id, 'its cycle is ' || clock.cycle
FROM helpdesk_clock AS clock
WHERE clock.id = ANY(%(ids)s) AND clock.cycle <>
      (SELECT count(*) FROM helpdesk_clock AS other
       WHERE other.ticket_id = clock.ticket_id AND other.metric = clock.metric AND other.id <= clock.id)
"""

# Reminders stop since somebody acknowledged a step under that deadline.
_ACKNOWLEDGED = """
SELECT clock.id, 'nobody acknowledged a step under deadline ' || clock.acknowledged_version
FROM helpdesk_clock AS clock
WHERE clock.id = ANY(%(ids)s) AND clock.acknowledged_version > 0
  AND NOT EXISTS (SELECT FROM helpdesk_escalation AS step
                  WHERE step.clock_id = clock.id AND step.deadline_version = clock.acknowledged_version
                    AND step.acknowledged_at IS NOT NULL)
"""

# The queue shows the earliest deadline.
_QUEUE = """
SELECT min(clock.id), 'its ticket is due ' || coalesce(ticket.next_due_at::text, 'never') || ' in the queue'
FROM helpdesk_clock AS clock
JOIN helpdesk_ticket AS ticket ON ticket.id = clock.ticket_id
WHERE clock.id = ANY(%(ids)s) AND ticket.next_due_at IS DISTINCT FROM
      (SELECT min(due_at) FROM helpdesk_clock AS any_of WHERE any_of.ticket_id = ticket.id AND any_of.state = 'running')
GROUP BY ticket.id
"""


def _assigned(name: str, when: str, order: str) -> str:
    """A value of the assignment that is nearest, as text ('' for nobody)."""
    return f"""(SELECT coalesce(act.data->>'{name}', '') FROM helpdesk_ticketevent AS act
        WHERE act.ticket_id = ticket.id AND act.kind = 'assigned' AND {when}
        ORDER BY act.at {order}, act.id {order} LIMIT 1)"""  # noqa: S608 - constants of this module


def _events(words: str, condition: str, **parts: str) -> str:
    """Events of the clocks that meet a condition, and what is wrong with them."""
    return f"SELECT clock.id, {words} {_EVENTS} AND {condition.format(**parts)}"  # noqa: S608 - as above


STATEMENTS = (
    _events(*_ACT),
    _events(*_START),
    _events(*_COPY),
    _events(*_ANSWER),
    _events(
        *_OWNER_THEN,
        after_earlier=_assigned("after", "act.at < event.at", "DESC"),
        after_earlier_or_then=_assigned("after", "act.at <= event.at", "DESC"),
        before_later=_assigned("before", "act.at > event.at", "ASC"),
        before_later_or_then=_assigned("before", "act.at >= event.at", "ASC"),
        set_back=_SET_BACK,
        recorded_back=_RECORDED_BACK,
    ),
    _events(
        *_OWNER_BEFORE,
        after_before_it=_assigned("after", "(act.at, act.id) < (answer.at, answer.id)", "DESC"),
        before_after_it=_assigned("before", "(act.at, act.id) > (answer.at, answer.id)", "ASC"),
        set_back=_SET_BACK,
    ),
    _events(*_EXCEPTION),
    _CYCLE,
    _ACKNOWLEDGED,
    _QUEUE,
)


def unsupported(clock_ids: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Which of these clocks rest on nothing: the clock's id, and what is missing, in words."""
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement, {"ids": list(clock_ids)})
            yield from cursor.fetchall()
