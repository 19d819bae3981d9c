"""How much of its time an answer took: the bands of the distribution (SPEC 2.6). One expression, for figure and list.

The time of a target is what lay between its start and its deadline, elapsed, so that targets in minutes and in
business days stand beside each other. Whoever is answered in time is in one of the first bands, whatever the clock
on the wall says: the verdict decides, not a division.
"""

from django.db.models import Case, DurationField, Expression, ExpressionWrapper, F, IntegerField, Value, When
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# The upper ends in per cent of the target; an answer at the very end is in the band.
IN_TIME = (25, 50, 75, 100)
LATE = (150, 200, 400)
LAST_LATE, NO_ANSWER = len(IN_TIME) + len(LATE), len(IN_TIME) + len(LATE) + 1
NAMES: tuple[str | Promise, ...] = (
    "0–25 %",  # noqa: RUF001
    "25–50 %",  # noqa: RUF001
    "50–75 %",  # noqa: RUF001
    "75–100 %",  # noqa: RUF001
    "100–150 %",  # noqa: RUF001
    "150–200 %",  # noqa: RUF001
    "200–400 %",  # noqa: RUF001
    "> 400 %",
    _("No answer"),
)


def band(*, met: str, unanswered: str) -> Expression:
    """The place in `NAMES`, of targets with `verdict` and `took`; given what two of the verdicts are called."""
    return Case(
        When(verdict=unanswered, then=Value(NO_ANSWER)),
        *[When(verdict=met, took__lte=_part(end), then=Value(place)) for place, end in enumerate(IN_TIME[:-1])],
        When(verdict=met, then=Value(len(IN_TIME) - 1)),
        *[When(took__lte=_part(end), then=Value(place)) for place, end in enumerate(LATE, start=len(IN_TIME))],
        default=Value(LAST_LATE),
        output_field=IntegerField(),
    )


def _part(per_cent: int) -> Expression:
    target = ExpressionWrapper(F("counted_at") - F("started_at"), output_field=DurationField())
    return ExpressionWrapper(target * Value(per_cent / 100), output_field=DurationField())
