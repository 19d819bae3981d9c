"""The address of a report: its filters, checked, and the address of the tickets behind a number."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from helpdesk.accounts.models import Account, Team
from helpdesk.core.channels import Channel
from helpdesk.reports.bands import NO_ANSWER
from helpdesk.reports.breaches import DATES, DUE, ESCALATED, OUTCOMES, Filters, Part
from helpdesk.reports.periods import Period, preset, today
from helpdesk.sla.clock import Metric, Promise
from helpdesk.sla.models import EFFECTS, METRICS, PROMISES, BreachCause
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import Severity
from helpdesk.tickets.services.causes import LONGEST_NOTE

CUSTOM, NOBODY, UNCODED, GROSS = "custom", "nobody", "none", "gross"
MOST_CODED = 100  # breaches at once: a page of the list
LONGEST = 1096  # days: three years
FIRST_YEAR = 2000
PERIODS = [
    ("today", _("Today")),
    ("7d", _("Last 7 days")),
    ("30d", _("Last 30 days")),
    ("13w", _("Last 13 weeks")),
    ("month", _("This month")),
    ("last_month", _("Last month")),
    ("quarter", _("This quarter")),
    (CUSTOM, _("From … to …")),
]
DEFAULTS = {"period": "30d", "dates": DUE, "promise": Promise.GUARANTEED.value, "metric": Metric.FIRST_RESPONSE.value}


class PlainSelect(forms.Select):
    """A select whose options are written in one template: a thousand accounts are no thousand includes."""

    template_name = "reports/select.html"


class DayField(forms.DateField):
    """A day as browsers send it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False,
            input_formats=["%Y-%m-%d"],
            widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": _("Write the day as year, month and day: 2026-11-23.")},
            **options,
        )


class FilterForm(forms.Form):
    """Which targets a report counts. Always bound: what the address leaves out has its default."""

    period = forms.ChoiceField(label=_("Period"), choices=PERIODS)
    start = DayField(label=_("First day"))
    end = DayField(label=_("Last day"))
    dates = forms.ChoiceField(label=_("Dates by"), choices=DATES)
    promise = forms.ChoiceField(label=_("Promise"), choices=PROMISES)
    metric = forms.ChoiceField(label=_("Metric"), choices=METRICS)
    hub = forms.ModelChoiceField(Hub.objects.all(), label=_("Hub"), required=False, empty_label=_("All hubs"))
    account = forms.ModelChoiceField(
        Account.objects.only("name"),
        label=_("Account"),
        required=False,
        empty_label=_("All accounts"),
        widget=PlainSelect,
    )
    team = forms.ModelChoiceField(Team.objects.all(), label=_("Team"), required=False, empty_label=_("All teams"))
    channel = forms.ChoiceField(label=_("Channel"), required=False, choices=[("", _("All channels")), *Channel.choices])
    severity = forms.ChoiceField(label=_("Severity"), required=False, choices=[("", _("All")), *Severity.choices])

    def __init__(self, given: dict[str, str], *, zone: ZoneInfo, now: datetime) -> None:
        super().__init__({**DEFAULTS, **given})
        self.zone, self.now = zone, now

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("period") == CUSTOM:
            self._check_days(cleaned.get("start"), cleaned.get("end"))
        return cleaned

    def _check_days(self, start: date | None, end: date | None) -> None:
        for name, day, advice in (("start", start, _("Give the first day.")), ("end", end, _("Give the last day."))):
            if day is None and name not in self.errors:
                self.add_error(name, advice)
        if start is None or end is None:
            return
        if start.year < FIRST_YEAR:
            self.add_error("start", _("Give a day from 2000 on."))
        elif end < start:
            self.add_error("end", _("The last day lies before the first one."))
        elif start > today(now=self.now, zone=self.zone):
            self.add_error("start", _("This day is still to come: nothing has fallen due yet."))
        elif (end - start).days >= LONGEST:
            self.add_error("end", _("A report covers three years at most. Give an earlier last day."))

    @property
    def filters(self) -> Filters:
        """The filters of a valid form."""
        data = self.cleaned_data
        return Filters(
            period=self._period(),
            promise=data["promise"],
            metric=data["metric"],
            hub=data["hub"].pk if data["hub"] else "",
            account=data["account"].pk if data["account"] else None,
            team=data["team"].pk if data["team"] else None,
            channel=data["channel"],
            severity=data["severity"],
            dates=data["dates"],
        )

    def _period(self) -> Period:
        data = self.cleaned_data
        if data["period"] == CUSTOM:
            return Period(first=data["start"], last=data["end"], zone=self.zone)
        return preset(data["period"], now=self.now, zone=self.zone)


class PartForm(forms.Form):
    """The part of the targets behind one number. Comes from links only."""

    outcome = forms.ChoiceField(required=False, choices=[(name, name) for name in OUTCOMES])
    specialist = forms.RegexField(rf"^({NOBODY}|[0-9]{{1,18}})$", required=False)
    replier = forms.IntegerField(required=False, min_value=1, max_value=10**18)
    noteam = forms.ChoiceField(required=False, choices=[("yes", "yes")])
    band = forms.IntegerField(required=False, min_value=0, max_value=NO_ANSWER)
    escalated = forms.ChoiceField(required=False, choices=[(name, name) for name in ESCALATED])
    cause = forms.ChoiceField(required=False, choices=[(UNCODED, UNCODED), *BreachCause.choices])
    basis = forms.ChoiceField(required=False, choices=[(GROSS, GROSS)])
    excepted = forms.SlugField(required=False, max_length=40)
    effect = forms.ChoiceField(required=False, choices=EFFECTS)
    lifted = forms.ChoiceField(required=False, choices=[("yes", "yes")])
    weekday = forms.IntegerField(required=False, min_value=0, max_value=6)
    hour = forms.IntegerField(required=False, min_value=0, max_value=23)
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)

    @property
    def part(self) -> Part:
        """The part that a valid form names."""
        data = self.cleaned_data
        nobody, cause = data["specialist"] == NOBODY, data["cause"]
        return Part(
            outcome=data["outcome"],
            gross=any(data[name] for name in ("basis", "excepted", "effect", "lifted")),
            excepted=data["excepted"],
            effect=data["effect"],
            lifted=bool(data["lifted"]),
            specialist=int(data["specialist"]) if data["specialist"] and not nobody else None,
            nobody=nobody,
            replier=data["replier"],
            no_team=bool(data["noteam"]),
            band=data["band"],
            escalated=data["escalated"],
            cause=("" if cause == UNCODED else cause) if cause else None,
            weekday=data["weekday"],
            hour=data["hour"],
        )


class CauseForm(forms.Form):
    """One cause and note for the missed targets that were ticked in the list."""

    clocks = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": _("Tick the targets that this cause is for. Nothing was changed.")}
    )
    cause = forms.ChoiceField(
        choices=BreachCause.choices,
        error_messages={"required": _("Choose a cause. Nothing was changed.")},
    )
    note = forms.CharField(
        max_length=LONGEST_NOTE,
        error_messages={
            "required": _("Say in a note what happened. Nothing was changed."),
            "max_length": _("This is longer than %(limit_value)d characters (%(show_value)d). Please shorten it."),
        },
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        sent = data.getlist("clocks")[:MOST_CODED]
        self.fields["clocks"].choices = [(pk, pk) for pk in sent if pk.isascii() and pk.isdecimal() and len(pk) < 19]


def address(filters: Filters) -> dict[str, str]:
    """The parameters that name these filters tomorrow too: days, not "the last 30"."""
    given = {
        "period": CUSTOM,
        "start": filters.period.first.isoformat(),
        "end": filters.period.last.isoformat(),
        "promise": filters.promise,
        "metric": filters.metric,
        "hub": filters.hub,
        "account": filters.account,
        "team": filters.team,
        "channel": filters.channel,
        "severity": filters.severity,
        "dates": "" if filters.dates == DUE else filters.dates,
    }
    return {name: str(value) for name, value in given.items() if value not in ("", None)}
