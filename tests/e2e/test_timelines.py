"""Timelines in a real browser, with its own fonts: no text over another, none outside (SPEC 2.2, 2.9)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from helpdesk.sla.models import Calendar, CalendarVersion, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.models import Status, Ticket
from tests.e2e.test_pages import LOOKS, problems
from tests.factories import make_ticket

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FRIDAY = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
HOURS = {
    "timezone": "Europe/Berlin",
    "weekly": dict.fromkeys(["mon", "tue", "wed", "thu", "fri"], [["08:00", "12:00"], ["13:00", "17:00"]]),
    "holidays": ["2026-11-25"],
}
# What is wrong with the texts of the timelines in sight.
LOOK = """() => [...document.querySelectorAll('svg.tl')].flatMap(svg => {
  if (!svg.getBoundingClientRect().width) return [];
  const view = svg.viewBox.baseVal, wrong = [];
  const texts = [...svg.querySelectorAll('text')].map(text => ({words: text.textContent, box: text.getBBox()}));
  texts.forEach(({words, box}, place) => {
    if (box.x < -1 || box.x + box.width > view.width + 1 || box.y < -1 || box.y + box.height > view.height + 1)
      wrong.push(`${words} leaves the drawing`);
    for (const other of texts.slice(0, place))
      if (box.x < other.box.x + other.box.width && other.box.x < box.x + box.width
          && box.y + 2 < other.box.y + other.box.height - 2 && other.box.y + 2 < box.y + box.height - 2)
        wrong.push(`${words} over ${other.words}`);
  });
  return texts.length ? wrong : ['no texts'];
})"""


def on_hold(ticket: Ticket, world, *, times: int, start: datetime) -> datetime:
    """Put on hold and written to again, so many times; when that was over."""
    for _ in range(times):
        services.set_status(ticket=ticket, status=Status.WAITING, actor=world.anna, now=start)
        start += 7 * HOUR + 13 * MINUTE
        services.customer_reply(ticket=ticket, actor=world.mina, body="!", now=start)
    return start


@pytest.fixture
def lives(world) -> dict[str, tuple[Ticket, datetime]]:
    """Tickets with a story, each with the instant at which it is looked at."""
    calendar = Calendar.objects.create(name="Kestrel hours")
    CalendarVersion.objects.create(calendar=calendar, number=1, definition=HOURS, created_at=FRIDAY)
    world.account.calendar = calendar
    world.account.save()
    mina, aoife = world.mina.memberships.get(), world.aoife.memberships.get()
    ids = ("guarantee", "declined", "renewed", "excepted", "paused", "often")
    tickets = {name: make_ticket(mina, critical=name in ("guarantee", "declined"), now=FRIDAY) for name in ids}
    lives = {"guarantee": FRIDAY + 19 * MINUTE, "renewed": FRIDAY + 50 * MINUTE, "excepted": FRIDAY + 70 * MINUTE}
    services.judge_claim(
        ticket=tickets["declined"], actor=world.anna, confirmed=False, reason="One.", now=FRIDAY + 28 * MINUTE
    )
    lives["declined"] = FRIDAY + 29 * MINUTE
    services.raise_to_critical(ticket=tickets["renewed"], actor=world.olu, reason="All.", now=FRIDAY + 40 * MINUTE)
    asked = services.request_exception(
        clock=tickets["excepted"].clocks.get(),
        code=ExceptionCode.objects.get(pk="scheduled-maintenance"),
        wish=services.Wish(effect="pause", out_from=FRIDAY + 10 * MINUTE, out_until=FRIDAY + 25 * MINUTE),
        evidence="Status page.",
        actor=world.anna,
        now=FRIDAY + 26 * MINUTE,
    )
    services.decide_exception(exception=asked, approve=True, note="", actor=world.helen, now=FRIDAY + 30 * MINUTE)
    for name, times in (("paused", 1), ("often", 12)):
        services.reply(ticket=tickets[name], actor=world.anna, body="?", now=FRIDAY + 20 * MINUTE)
        services.customer_reply(ticket=tickets[name], actor=world.mina, body="!", now=FRIDAY + 30 * MINUTE)
        lives[name] = on_hold(tickets[name], world, times=times, start=FRIDAY + HOUR) + 20 * MINUTE
    tickets["day"] = make_ticket(aoife, now=FRIDAY + 8 * HOUR)
    tickets["late"] = make_ticket(aoife, now=FRIDAY - 20 * DAY)
    lives |= {"day": FRIDAY + 3 * DAY, "late": FRIDAY + 10 * DAY}
    return {name: (ticket, lives[name]) for name, ticket in tickets.items()}


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_every_timeline_can_be_read(lives, world, new_context, look):
    language = LOOKS[look]["locale"][:2]
    with time_machine.travel(FRIDAY + 30 * DAY):
        staff = new_context(world.anna, language=language, **LOOKS[look])
        customer = new_context(world.mina, language=language, **LOOKS[look])
    wrong: dict[str, list[str]] = {}
    for name, (ticket, at) in lives.items():
        with time_machine.travel(at, tick=False):
            pages = (
                (staff, f"/admin/helpdesk/ticket/{ticket.pk}/explain/"),
                (customer, f"/tickets/{ticket.pk}/promise/"),
            )
            for page, path in pages:
                page.goto(path)
                if found := page.evaluate(LOOK) + problems(page):
                    wrong[f"{name} {path}"] = found
    assert wrong == {}
