"""What a stretch of a deadline is called, and what happened in it: for staff with names, for the customer without.

Of the staff the customer reads no names here, of the rules neither policies nor steps (SPEC 2.2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from helpdesk.core import durations, moments
from helpdesk.core.zones import changes, zone_of
from helpdesk.sla import clock as pure
from helpdesk.sla.calendar import ALWAYS_OPEN
from helpdesk.sla.clock import Effect, EventKind
from helpdesk.sla.explain import ADDED_UP, Explanation, Kind, Landing, Mark, Marker, Shut, Stretch, reasons
from helpdesk.sla.models import ClockEvent, ClockException
from helpdesk.sla.target import Target

LEGEND = {
    Kind.COUNTED: pgettext_lazy("time", "Counted"),
    Kind.CLOSED: pgettext_lazy("time", "Closed"),
    Kind.PAUSED: pgettext_lazy("time", "Paused"),
    Kind.EXEMPTED: pgettext_lazy("time", "Left out"),
    Kind.DROPPED: pgettext_lazy("time", "Not counted"),
    Kind.AHEAD: pgettext_lazy("time", "Ahead"),
    Kind.SPARE: pgettext_lazy("time", "Not needed"),
    Kind.OVER: pgettext_lazy("time", "Late"),
}
# Reasons as services write them; what people wrote is shown as it is, to staff only.
REASONS = {
    "claim declined": gettext_lazy("Business critical declined"),
    "raised to critical": gettext_lazy("Raised to business critical"),
    "closed by the customer": gettext_lazy("closed by the customer"),
    "another time was chosen": gettext_lazy("another time was chosen"),
    "call cancelled by the customer": gettext_lazy("call cancelled by the customer"),
    "not reached by phone": gettext_lazy("not reached by phone"),
    "solved": gettext_lazy("solved"),
    "solved without a further reply": gettext_lazy("solved without a further reply"),
    "spam": gettext_lazy("spam"),
    "new rules": gettext_lazy("new rules"),
    "no policy promises it any more": gettext_lazy("no policy promises it any more"),
}
REFERRING = {
    "merged into ": gettext_lazy("merged into %(ticket)s"),
    "merged with ": gettext_lazy("Merged with %(ticket)s"),
    "the guarantee of ": gettext_lazy("the guarantee of %(ticket)s counts"),
}


def reason_words(reason: str) -> str:
    """A reason in the reader's language, where it is one that the product itself wrote."""
    for start, words in REFERRING.items():
        if reason.startswith(start):
            return words % {"ticket": reason.removeprefix(start).removesuffix(" counts")}
    return str(REASONS.get(reason, reason))


def public_reason(reason: str) -> str:
    """A reason that a customer may read; empty for what staff wrote."""
    return reason_words(reason) if reason in REASONS or reason.startswith(tuple(REFERRING)) else ""


def effect_words(effect: str) -> str:
    """What an exception does to a clock, as a short phrase."""
    words = {
        Effect.VOID: _("the target does not count"),
        Effect.PAUSE: _("a stretch does not count"),
        Effect.RESTART: _("counted from when the information arrived"),
        Effect.RETARGET: _("another target"),
    }
    return words[Effect(effect)]


def target_words(target: Target) -> str:
    return durations.target_words(seconds=target.seconds, business_days=target.business_days)


def length_words(length: timedelta) -> str:
    """As exact as one can take in at a glance: `1h 07m 11s`, and beyond four days `5d 3h`."""
    seconds = length.total_seconds()
    return durations.brief(seconds) if seconds < 4 * 86400 else durations.compact(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Tells of one clock. `states` are its states after each of its events."""

    made: Explanation
    events: Sequence[ClockEvent]
    states: Sequence[pure.Clock]
    exceptions: Mapping[int, ClockException]
    day_names: Mapping[str, str]
    now: datetime
    internal: bool

    def stretch(self, row: Stretch) -> str:
        """A sentence or two for the table."""
        if row.inside:
            return self.folded(row)
        match row.kind:
            case Kind.COUNTED:
                return " ".join(part for part in (_("Counted."), self._begun_by(row)) if part)
            case Kind.CLOSED:
                closed = _("Closed: %(why)s.") % {"why": self.closed(row)}
                return " ".join(part for part in (closed, self._begun_by(row)) if part)
            case Kind.PAUSED:
                return self._paused(row)
            case Kind.EXEMPTED:
                return self._exempted(row)
            case Kind.DROPPED:
                return self._dropped(row)
            case Kind.AHEAD:
                return _("Ahead, if nothing pauses it.")
            case Kind.SPARE:
                return _("Not needed: it had ended before.")
        return _("Late: after the deadline.")

    def folded(self, row: Stretch) -> str:
        """What is shown as one: `5 more days like this`."""
        zone = zone_of(self.made.calendar.timezone)
        if row.kind in ADDED_UP:
            days = len({one.begin.astimezone(zone).date() for one in row.inside if one.kind in ADDED_UP})
            return ngettext("%(count)d more day like this", "%(count)d more days like this", days) % {"count": days}
        pauses = sum(one.kind == Kind.PAUSED for one in row.inside)
        if not pauses:
            count = len(row.inside)
            return ngettext("%(count)d more stretch", "%(count)d more stretches", count) % {"count": count}
        return ngettext("%(count)d more pause", "%(count)d more pauses", pauses) % {"count": pauses}

    def closed(self, row: Stretch) -> str:
        """Why nobody worked: `night, weekend`, `Christmas Day`."""
        found = reasons(self.made.calendar, row.begin, row.end)
        plain = {
            Shut.WEEKEND: _("weekend"),
            Shut.NIGHT: _("night") if len(found) > 1 else _("outside opening hours"),
            Shut.BREAK: _("break"),
        }
        return ", ".join(dict.fromkeys(plain.get(why) or self._day(why, day) for why, day in found))

    def _day(self, why: Shut, day: date) -> str:
        if why == Shut.DAY:
            return str(WEEKDAYS[day.weekday()])
        return self.day_names.get(day.isoformat()) or _("holiday")

    def _begun_by(self, row: Stretch) -> str:
        event = None if row.cause is None else self.events[row.cause]
        if event is None or event.actor is None:
            return ""
        words = {"name": event.actor.full_name or event.actor.email}
        if event.kind == EventKind.START:
            return "" if event.actor.is_staff else _("%(name)s wrote.") % words
        if not event.actor.is_staff:
            return _("Resumed by %(name)s’s message.") % words
        return _("Resumed by %(name)s.") % words if self.internal else ""

    def _paused(self, row: Stretch) -> str:
        event = self.events[row.cause]
        if not self.internal:
            return _("Paused: we waited for an answer of yours.")
        if event.actor is None:
            return _("Paused, waiting on customer.")
        return _("Paused, waiting on customer, set by %(name)s.") % {"name": event.actor.full_name}

    def _exempted(self, row: Stretch) -> str:
        code, by = self._exception(self.events[row.cause])
        if self.internal and by:
            return _("Left out: %(code)s, approved by %(name)s.") % {"code": code, "name": by}
        return _("Left out: %(code)s, an approved exception.") % {"code": code}

    def _dropped(self, row: Stretch) -> str:
        event = self.events[row.cause] if row.cause is not None else None
        if event is not None and event.kind == EventKind.START:
            return _("Not counted: it is counted from the beginning of the window that was chosen.")
        if event is not None and event.kind == EventKind.EXEMPT:
            words = {"code": self._exception(event)[0]}
            return _("Not counted: %(code)s. It counts from when the information arrived.") % words
        if row.cause is not None and self.states[row.cause].breached_at:
            return _("Not counted any more: that time was missed, and a new one was promised.")
        return _("Not counted: it counts from a later start.")

    def _exception(self, event: ClockEvent) -> tuple[str, str]:
        """The exception's name, and who approved it."""
        found = self.exceptions.get(event.data.get("exception"))
        if found is None:
            return str(event.data.get("reason", "")), event.actor.full_name if event.actor else ""
        return str(found.code), found.decided_by.full_name if found.decided_by else ""

    # --- What happened at an instant ---------------------------------------------------------------
    def event(self, marker: Marker) -> str:
        """A sentence for the table; empty where a stretch or its end says it already."""
        match marker.mark:
            case Mark.RETARGETED:
                return self._retargeted(marker.event)
            case Mark.EXEMPTED:
                return self._excepted(marker.event)
            case Mark.BREACHED:
                return _("The deadline passed without an answer: missed.")
            case Mark.ANSWERED:
                return self._answered(marker.event)
            case Mark.ENDED:
                return self._ended(marker.event)
        return ""

    def why(self, place: int) -> str:
        """Why a deadline changed, in a few words; the customer reads the product's own reasons only."""
        reason = self.events[place].data.get("reason", "")
        return public_reason(reason) or (reason if self.internal else "") or _("New rules")

    def _retargeted(self, place: int) -> str:
        before, after = self.states[place - 1], self.states[place]
        text = self.why(place)
        if before.target != after.target:
            text += ": " + _("%(before)s → %(after)s") % {
                "before": target_words(before.target),
                "after": target_words(after.target),
            }
        return self._by(self._moved(text, before, after), place)

    def _excepted(self, place: int) -> str:
        event = self.events[place]
        words = {"code": self._exception(event)[0], "effect": effect_words(event.data.get("effect", Effect.VOID))}
        text = _("Exception approved: %(code)s, %(effect)s") % words
        return self._by(self._moved(text, self.states[place - 1], self.states[place]), place)

    def _moved(self, text: str, before: pure.Clock, after: pure.Clock) -> str:
        if after.due_at is None or after.due_at == before.due_at:
            return text + "."
        words = {"text": text, "due": self.instant(after.due_at)}
        if before.due_at is None:
            return _("%(text)s. Due %(due)s.") % words
        return _("%(text)s. Due %(due)s instead of %(was)s.") % (words | {"was": self.instant(before.due_at)})

    def _by(self, text: str, place: int) -> str:
        actor = self.events[place].actor
        if not self.internal or actor is None:
            return text
        return _("%(text)s By %(name)s.") % {"text": text, "name": actor.full_name or actor.email}

    def _answered(self, place: int) -> str:
        clock, actor = self.states[-1], self.events[place].actor
        who = _("Answered by %(name)s") % {"name": actor.full_name} if self.internal and actor else _("Answered")
        missed = clock.breached_at
        if missed is None:
            return _("%(who)s, in time.") % {"who": who}
        late = durations.brief((self.events[place].at - missed).total_seconds())
        return _("%(who)s, %(late)s late.") % {"who": who, "late": late}

    def _ended(self, place: int) -> str:
        event = self.events[place]
        if event.data.get("breach_stays"):
            text = _("Ended without an answer, after the deadline")
        else:
            text = _("Ended without an answer, no longer counts")
        reason = event.data.get("reason", "")
        return f"{text}: {reason_words(reason)}." if self.internal and reason else f"{text}."

    # --- Notes -------------------------------------------------------------------------------------
    def governing(self) -> list[str]:
        """Whose sum this is, where an exception's own deadline would come earlier than the promise's."""
        if self.made.outdone is None:
            return []
        words = {"target": target_words(self.made.basis.target), "was": self.instant(self.made.outdone)}
        if not self.internal:
            text = _(
                "What you were promised first decides: %(target)s. The approved exception alone would have made it due "
                "earlier, %(was)s, and an exception never takes from a promise. The times below add up to %(target)s."
            )
        else:
            text = _(
                "Two deadlines were compared, and the later one is in force: the gross one, of the target %(target)s "
                "without exceptions. The net one alone would be earlier, %(was)s: an exception never takes from what "
                "was promised. The times below add up to the gross target."
            )
        return [text % words]

    def carried(self) -> list[str]:
        """How business days became a time on the wall, in the calendar's own zone."""
        carried, days = self.made.carried, self.made.basis.target.business_days
        if carried is None or days is None:
            return []
        words = {"count": days, "city": moments.city(self.made.calendar.timezone)}
        words |= {"landed": self.instant(carried.landed), "opening": self.instant(carried.opening)}
        words["time"] = f"{carried.opening.astimezone(zone_of(self.made.calendar.timezone)):%H:%M}"
        found = []
        if carried.opening != self.made.basis.counted_from:
            found.append(_("It began outside opening hours, so it counts from the next opening, %(opening)s.") % words)
        found.append(self._landed(carried.landing, days) % words)
        due = self.made.clock.due_at or self.made.if_resumed
        if carried.moved_on and due:
            words |= {"moved": length_words(carried.moved_on), "due": self.instant(due)}
            found.append(_("Then on by the open time that was left out, %(moved)s: %(due)s.") % words)
        return found

    def _landed(self, landing: Landing, days: int) -> str:
        texts = {
            Landing.SAME: ngettext(
                "%(count)d working day on, at the same time of day (%(time)s in %(city)s): %(landed)s.",
                "%(count)d working days on, at the same time of day (%(time)s in %(city)s): %(landed)s.",
                days,
            ),
            Landing.CLOSING: ngettext(
                "%(count)d working day on, which closes before %(time)s in %(city)s: at its closing, %(landed)s.",
                "%(count)d working days on, which closes before %(time)s in %(city)s: at its closing, %(landed)s.",
                days,
            ),
            Landing.OPENING: ngettext(
                "%(count)d working day on, not open at %(time)s in %(city)s: at the next opening, %(landed)s.",
                "%(count)d working days on, not open at %(time)s in %(city)s: at the next opening, %(landed)s.",
                days,
            ),
        }
        return texts[landing]

    def shifts(self) -> list[str]:
        """Where clocks on the wall were changed meanwhile, the reader's and those of the calendar."""
        made, zones = self.made, {timezone.get_current_timezone_name(): timezone.get_current_timezone()}
        if made.calendar.timezone not in zones and made.calendar != ALWAYS_OPEN:
            zones[made.calendar.timezone] = zone_of(made.calendar.timezone)
        found = []
        for name, zone in zones.items():
            for at, by in changes(zone, made.begin, made.end):
                words = {"city": moments.city(name), "at": moments.dated(at, self.now), "time": length_words(abs(by))}
                back = _("%(at)s: the clocks in %(city)s went back by %(time)s; no time was lost or won by it.")
                forward = _("%(at)s: the clocks in %(city)s went forward by %(time)s; no time was lost or won by it.")
                found.append((back if by < timedelta(0) else forward) % words)
        return found

    def instant(self, at: datetime) -> str:
        return moments.exact(at, self.now)
