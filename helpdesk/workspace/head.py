"""What stands at the head of every page: notices that are unread, calls that wait, what is not well."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from django.db.models import CharField, F, QuerySet, Value
from django.utils import timezone

from helpdesk.accounts.models import User
from helpdesk.channels.callback.models import CallRequest
from helpdesk.core.prepared import Ready
from helpdesk.escalation import alarms
from helpdesk.notifications.models import Alarm
from helpdesk.workspace import calls, live
from helpdesk.workspace.rights import Act, may

NOTICE, CALL, ALARM = "notice", "call", "alarm"


@dataclass(slots=True, kw_only=True)
class Head:
    """`notices` are (id, written), the newest first."""

    notices: list[tuple[int, datetime]] = field(default_factory=list)
    calls: int = 0
    alarms: list[str] = field(default_factory=list)


def read_head(user: User) -> Head:
    """One query of two or three small indexes: of notices that are unread, of calls and of alarms that are open."""
    calls_too = may(user, Act.VIEW, "callrequest")
    values = {"user_id": user.pk} | ({"now": timezone.now()} if calls_too else {})
    head, names = Head(), []
    for kind, pk, at, name in _parts(calls_too, may(user, Act.VIEW, "alarm")).rows(**values):
        if kind == NOTICE:
            head.notices.append((pk, at))
        elif kind == CALL:
            head.calls += 1
        else:
            names.append(name)
    head.notices.sort(key=lambda row: (row[1], row[0]), reverse=True)
    head.alarms = [alarms.title(name) for name in sorted(names)]
    return head


@cache
def _parts(calls_too: bool, alarms_too: bool) -> Ready:
    """What makes up the head of who may see these. Every page has one, so that its SQL is made once."""

    def rows(user_id: int, now: datetime | None = None) -> QuerySet:
        parts = [_rows(live.unread_notices(user_id=user_id), NOTICE, "created_at")]
        if calls_too:
            parts.append(_rows(CallRequest.objects.due(now)[: calls.MOST], CALL, "callable_at"))
        if alarms_too:  # those who run the service
            parts.append(_rows(Alarm.objects.filter(until=None), ALARM, "since", name=F("name")))
        first, *rest = parts
        return first.union(*rest, all=True) if rest else first

    return Ready(rows, user_id=int, **({"now": datetime} if calls_too else {}))


def _rows(queryset: QuerySet, kind: str, at: str, *, name: F | Value | None = None) -> QuerySet:
    text = CharField()
    columns = {"what": Value(kind, output_field=text), "named": name or Value("", output_field=text)}
    return queryset.annotate(**columns).values_list("what", "pk", at, "named")
