"""A person's own figures of a stretch of days, from the same selection as the breach report (SPEC 2.6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from helpdesk.accounts.models import User
from helpdesk.reports.breaches import LATE, MET, counts, judged
from helpdesk.reports.figures import Figures
from helpdesk.reports.percentile import Percentile
from helpdesk.reports.periods import Window
from helpdesk.sla.clock import Metric, Promise, State
from helpdesk.sla.models import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFigures:
    """Guaranteed and objective targets are never mixed in a figure."""

    answered: int
    guaranteed: Figures
    objective: Figures
    first_response: timedelta | None  # half of the first replies took no longer


def own_figures(*, person: User, window: Window, now: datetime) -> OwnFigures:
    """What fell due in the window and counts as this person's: theirs when due, or answered by them. One query."""
    judged_ = judged(Clock.objects.exclude(state=State.CANCELLED).filter(counts(window)), now=now)
    mine = judged_.filter(specialist=person.pk)
    sums = {}
    for promise in Promise:
        of_promise = Q(promise=promise)
        sums[f"{promise}_due"] = Count("pk", filter=of_promise)
        sums[f"{promise}_met"] = Count("pk", filter=of_promise & Q(verdict=MET))
        sums[f"{promise}_late"] = Count("pk", filter=of_promise & Q(verdict__in=LATE))
    answered = Q(answered_by=person.pk)
    found = mine.aggregate(
        answered=Count("pk", filter=answered),
        median=Percentile("took", share=0.5, filter=answered & Q(metric=Metric.FIRST_RESPONSE)),
        **sums,
    )
    parts = {
        promise: Figures(due=found[f"{promise}_due"], met=found[f"{promise}_met"], unanswered=found[f"{promise}_late"])
        for promise in Promise
    }
    return OwnFigures(
        answered=found["answered"],
        guaranteed=parts[Promise.GUARANTEED],
        objective=parts[Promise.OBJECTIVE],
        first_response=found["median"],
    )
