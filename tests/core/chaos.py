"""What the killings of `test_kills.py` are counted by, inside the product's own database.

    python -m tests.core.chaos open NUMBER     open tickets with steps in the past and in the seconds ahead
    python -m tests.core.chaos report          compare what fired and was sent with what was due; JSON

The steps that are due come from the ladder's own arithmetic over each clock's start and deadline, and
from nothing that a sweep has written.
"""

import json
import os
import sys
from collections import Counter
from datetime import timedelta
from itertools import takewhile

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.utils import timezone  # noqa: E402

from helpdesk.escalation.models import Escalation  # noqa: E402
from helpdesk.escalation.sweep import HEARTBEAT  # noqa: E402
from helpdesk.notifications.models import Delivery, Heartbeat, OutboxMail  # noqa: E402
from helpdesk.sla.ladder import rungs  # noqa: E402
from helpdesk.sla.models import Clock, ClockEvent  # noqa: E402
from helpdesk.sla.verification import verify  # noqa: E402
from helpdesk.subscriptions.models import Hub  # noqa: E402
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, add_to_team, make_ticket  # noqa: E402

MINUTE = timedelta(minutes=1)


def open_tickets(number: int) -> None:
    """Half of them as after an hour without any sweep, the others with a step in each of the next seconds."""
    team = TeamFactory()
    add_to_team(team, StaffFactory(email="first@premium.example"))
    add_to_team(team, StaffFactory(email="lead@premium.example", staff_role="team_lead"), lead=True)
    StaffFactory(email="manager@premium.example", staff_role="manager")
    Hub.objects.get(code="content").teams.add(team)
    asker, now = DesignatedFactory(), timezone.now()
    for place in range(number):
        ahead = timedelta(seconds=5 + 30 * place / number)  # the step falls so long after now
        step = (15, 30, 45, 60)[place % 4]
        back = step * MINUTE - ahead if place % 2 else (62 + place % 30) * MINUTE
        make_ticket(asker, now=now - back)


def report() -> dict[str, object]:
    swept_until = Heartbeat.objects.get(name=HEARTBEAT).at
    due, breaches = set(), set()
    for clock in Clock.objects.select_related("policy_version", "calendar_version"):
        folded = clock.folded()
        steps = rungs(folded, terms=clock.policy_version.terms, calendar=clock.hours, since=clock.started_at)
        for rung in takewhile(lambda rung: rung.at < swept_until, steps):
            due.add((clock.pk, rung.step.percent, rung.reminder, rung.at))
        if clock.due_at < swept_until:
            breaches.add((clock.pk, clock.due_at))
    rows = Escalation.objects.filter(due_at__lt=swept_until)
    found = list(rows.values_list("clock_id", "percent", "reminder", "due_at"))
    written = list(ClockEvent.objects.filter(kind="breach").values_list("clock_id", "at"))
    told = Counter()
    for mail in OutboxMail.objects.filter(template="escalation"):
        told[mail.about or mail.key.rpartition("/")[0], mail.recipient_id] += 1
    fired = rows.filter(state=Escalation.State.FIRED)
    mails = OutboxMail.objects.exclude(state=Delivery.BUNDLED)
    return {
        "due": len(due),
        "missing": len(due - set(found)),
        "too_many": len(found) - len(set(found)) + len(set(found) - due),
        "breaches": len(breaches),
        "breaches_missing": len(breaches - set(written)),
        "breaches_too_many": len(written) - len(set(written)) + len(set(written) - breaches),
        "fired": fired.count(),
        "superseded": rows.filter(state=Escalation.State.SUPERSEDED).count(),
        "told_twice": sum(count - 1 for count in told.values()),
        "fired_and_nobody_told": fired.count() - len({about for about, _reader in told}),
        "waiting": OutboxMail.objects.filter(state__in=Delivery.unfinished()).count(),
        "dead": OutboxMail.objects.filter(state=Delivery.DEAD).count(),
        "undelivered": fired.filter(delivered_at=None).count(),
        "differing": verify(now=timezone.now()).differing,
        "message_ids": sorted(mails.filter(state=Delivery.SENT).values_list("message_id", flat=True)),
    }


if __name__ == "__main__":
    if sys.argv[1] == "open":
        open_tickets(int(sys.argv[2]))
    else:
        print(json.dumps(report()))
