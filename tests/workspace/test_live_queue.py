"""A ticket that changes is on the open queues it belongs into within a second, and off those it left (SPEC 2.8)."""

import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from helpdesk.accounts import presence
from helpdesk.accounts.models import User
from helpdesk.notifications.live import Line
from helpdesk.tickets import services
from helpdesk.tickets.models import Priority, SavedView, Status, Ticket
from helpdesk.workspace import queue_feed, queue_strip, queue_views, whereabouts
from helpdesk.workspace.faces import open_faces
from helpdesk.workspace.queue_feed import wanted
from helpdesk.workspace.queue_views import Onlooker
from tests.factories import StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.sockets import in_loop, opened

MINUTE = timedelta(minutes=1)
SOON = 5  # seconds: what is measured here is who hears what; how soon, in benchmarks/live.py


@pytest.fixture(autouse=True)
def _redis_answers(monkeypatch):
    monkeypatch.setattr(Line, "look_again_at", 0.0)
    monkeypatch.setattr(presence.Line, "look_again_at", 0.0)
    presence._ask(lambda redis, key: redis.delete(key))
    monkeypatch.setattr(queue_feed, "COUNTS_PAUSE", 60.0)  # but where they are what is tested


@pytest.fixture
def anna() -> User:
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def olu() -> User:
    return StaffFactory(full_name="Olu Adeyemi")


async def at_queue(person: User, query: str, **values: str):
    browser = await opened(person, **values)
    await browser.send_input({"type": "websocket.receive", "text": json.dumps({"queue": query})})
    assert await browser.receive_nothing(timeout=0.2)
    return browser


async def says(browser, **said) -> None:
    await browser.send_input({"type": "websocket.receive", "text": json.dumps(said)})


# --- What belongs into a view is what the page itself shows -------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("view", [key for key in queue_views.VIEWS if key != queue_views.CLOSED])
def test_a_ticket_belongs_into_a_view_as_the_pages_own_query_has_it(anna, olu, view):
    now = timezone.now()
    team, other = TeamFactory(), TeamFactory()
    add_to_team(team, anna)
    tickets = [make_ticket(now=now - minutes * MINUTE, critical=minutes == 5) for minutes in (0, 5, 50, 90, 95)]
    for ticket, owner, group in zip(
        tickets, (anna, olu, None, anna, None), (team, other, team, None, None), strict=True
    ):
        services.assign(ticket=ticket, owner=owner, team=group, actor=olu, now=now)
    services.reply(ticket=tickets[3], actor=anna, body="hello", now=now, status=Status.WAITING)
    services.reply(ticket=tickets[4], actor=anna, body="hello", now=now, status=Status.SOLVED)
    person = Onlooker(user=anna, team_ids=(team.pk,), now=now)
    shown = set(queue_views.narrow(Ticket.objects.all(), view, person).values_list("pk", flat=True))
    queue = wanted(user=anna, query=f"view={view}")
    faces = open_faces(ticket_ids=[ticket.pk for ticket in tickets], now=now)
    held = {row.pk for row in Ticket.objects.all() if queue.holds(row, faces.get(row.pk), now=now)}
    assert queue.exact
    assert held == shown


@pytest.mark.django_db
def test_filters_narrow_as_they_do_on_the_page_and_what_cannot_be_judged_says_so(anna, now):
    critical, plain = make_ticket(now=now, critical=True), make_ticket(now=now, hub="marketing")

    def held(query):
        queue = wanted(user=anna, query=query)
        assert queue.exact
        return [row.pk for row in (critical, plain) if queue.holds(Ticket.objects.get(pk=row.pk), None, now=now)]

    assert held("view=open") == [critical.pk, plain.pk]
    assert held("view=open&hub=marketing") == [plain.pk]
    assert held("view=open&severity=claimed&channel=email&status=new") == [critical.pk]
    assert held("view=open&severity=confirmed") == []
    assert held("view=open&severity=standard") == [plain.pk]
    for query in ("view=closed", "q=kestrel", "view=open&promise=guaranteed", "p=2", "view=nothing"):
        assert not wanted(user=anna, query=query).exact


# --- What reaches whom -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestOverTheSocket:
    @in_loop
    async def test_a_new_ticket_appears_and_one_that_was_taken_goes(self, anna, olu):
        free = await at_queue(anna, "view=unassigned")
        mine = await at_queue(olu, "view=mine", cookies="django_language=ja")
        ticket = await sync_to_async(make_ticket)(now=timezone.now())
        heard = await free.hear(seconds=SOON)
        assert [row["id"] for row in heard["rows"]] == [ticket.pk]
        assert heard["rows"][0]["html"].startswith(f'<tr data-id="{ticket.pk}"')
        assert ">Nobody<" in heard["rows"][0]["html"]
        assert (await mine.hear(seconds=SOON))["gone"] == [{"id": ticket.pk, "why": ""}]

        await sync_to_async(services.assign)(ticket=ticket, owner=olu, actor=olu, now=timezone.now())
        heard = await free.hear(seconds=SOON)
        assert (heard["rows"], heard["gone"]) == ([], [{"id": ticket.pk, "why": "Taken by Olu Adeyemi"}])
        assert "自分" in (await mine.hear(seconds=SOON))["rows"][0]["html"]
        for browser in (free, mine):
            await browser.leave()

    @in_loop
    async def test_a_burst_is_read_once_whoever_looks(self, anna, olu, monkeypatch):
        screens = [await at_queue(person, "view=open") for person in (anna, olu, anna, olu)]
        tickets = [await sync_to_async(make_ticket)(now=timezone.now()) for _ in range(3)]
        for browser in screens:  # the three are shown, together or one by one
            while not await browser.receive_nothing(timeout=2 * queue_feed.PAUSE):
                await browser.hear(seconds=SOON)
        read, execute = [], CursorWrapper.execute

        def noting(cursor, sql, *values):
            read.append(sql)
            return execute(cursor, sql, *values)

        @sync_to_async
        def change_all() -> None:
            with transaction.atomic():
                for ticket in tickets:
                    services.set_priority(ticket=ticket, priority=Priority.HIGH, actor=olu, now=timezone.now())
            monkeypatch.setattr(CursorWrapper, "execute", noting)

        await change_all()
        for browser in screens:
            assert [row["id"] for row in (await browser.hear(seconds=SOON))["rows"]] == [
                ticket.pk for ticket in tickets
            ]
        assert len(read) == 2  # tickets, clocks
        for browser in screens:
            await browser.leave()

    @in_loop
    async def test_a_queue_that_cannot_be_judged_is_told_that_it_is_stale(self, anna, monkeypatch):
        found = await at_queue(anna, "q=kestrel")
        await sync_to_async(make_ticket)(now=timezone.now())
        assert await found.hear(seconds=SOON) == {"kind": "queue", "seen": {}, "stale": True}
        monkeypatch.setattr(queue_feed, "MOST_TICKETS", 0)
        opened_queue = await at_queue(anna, "view=open")
        await sync_to_async(make_ticket)(now=timezone.now())
        assert (await opened_queue.hear(seconds=SOON))["stale"]
        for browser in (found, opened_queue):
            await browser.leave()

    @in_loop
    async def test_counts_of_all_views_follow_within_seconds(self, anna, olu, monkeypatch):
        monkeypatch.setattr(queue_feed, "COUNTS_PAUSE", 0.1)
        saved = await sync_to_async(SavedView.objects.create)(
            owner=anna, created_by=anna, name="High", params={"view": "open", "q": "kestrel"}
        )
        queue = await at_queue(anna, "view=waiting")

        async def heard() -> dict[str, str]:
            while (message := await queue.hear(seconds=SOON))["kind"] != "counts":
                pass
            return message["counts"]

        ticket = await sync_to_async(make_ticket)(subject="kestrel", now=timezone.now())
        counts = await heard()
        assert (counts["mine"], counts["unassigned"], counts["open"]) == ("0", "1", "1")
        assert counts[f"saved-{saved.pk}"] == "1"
        await sync_to_async(services.assign)(ticket=ticket, owner=anna, actor=anna, now=timezone.now())
        assert await heard() == {"mine": "1", "unassigned": "0"}  # what is as before is not said again
        await queue.leave()

    @in_loop
    async def test_an_error_in_making_rows_costs_nothing_but_a_request(self, anna, monkeypatch, caplog):
        monkeypatch.setattr(queue_feed, "AFTER_ERROR", 0.0)
        monkeypatch.setattr(queue_feed, "_rows", lambda *of: 1 / 0)
        queue = await at_queue(anna, "view=open")
        await sync_to_async(make_ticket)(now=timezone.now())
        assert (await queue.hear(seconds=SOON))["stale"]
        assert "could not be made" in caplog.text
        await queue.leave()

    @in_loop
    async def test_who_looks_and_types_is_told_to_the_ticket_and_to_queues(self, anna, olu):
        ticket = await sync_to_async(make_ticket)(now=timezone.now())
        queue, page, other = await at_queue(anna, "view=open"), await opened(anna), await opened(olu)
        await says(page, at=ticket.pk, typing="")
        assert [one["name"] for one in (await page.hear(seconds=SOON))["people"]] == ["Anna Meier"]
        await says(other, at=ticket.pk, typing="reply")
        heard = await page.hear(seconds=SOON)
        assert heard["kind"] == "here"
        assert {one["name"]: one["typing"] for one in heard["people"]} == {"Anna Meier": "", "Olu Adeyemi": "reply"}
        seen = {}
        while len(seen.get(str(ticket.pk), [])) < 2:
            seen |= (await queue.hear(seconds=SOON))["seen"]
        await other.leave()
        heard = await page.hear(seconds=SOON)
        assert [one["name"] for one in heard["people"]] == ["Anna Meier"]
        assert presence.people_present() == {anna.pk}
        for browser in (page, queue):
            await browser.leave()
        assert presence.people_present() == set()

    @in_loop
    async def test_nobody_is_shown_at_a_ticket_that_is_not_there(self, anna):
        page = await opened(anna)
        await says(page, at=12345, typing="reply")
        assert await page.receive_nothing(timeout=0.3)
        assert presence.around([12345]) == {}
        await page.leave()

    @in_loop
    async def test_a_browser_that_talks_too_much_is_not_listened_to(self, anna, monkeypatch):
        monkeypatch.setattr(whereabouts, "PER_SECOND", 0.0)
        ticket = await sync_to_async(make_ticket)(now=timezone.now())
        page = await opened(anna)
        for number in range(40):
            await says(page, at=ticket.pk, typing=("reply", "note")[number % 2])
        for _ in range(int(whereabouts.BURST)):
            await page.hear(seconds=SOON)
        assert await page.receive_nothing(timeout=0.3)
        await page.leave()


@pytest.mark.parametrize(
    "text",
    [
        None,
        b"\x00",
        "",
        "{not even JSON",
        "[" * 500,
        "7",
        '{"at": 7}',
        '{"at": 7, "typing": "poem"}',
        '{"at": "7", "typing": ""}',
        '{"at": true, "typing": ""}',
        '{"at": -1, "typing": ""}',
        '{"at": 9223372036854775808, "typing": ""}',
        '{"at": 7, "typing": "", "as": "Helen"}',
        '{"queue": 7}',
        '{"queue": "' + "x" * 600 + '"}',
    ],
)
def test_what_makes_no_sense_is_passed_over(text):
    assert whereabouts.understood(text) is None


def test_what_makes_sense_is_understood():
    assert whereabouts.understood('{"at": 7, "typing": "note"}') == {"at": 7, "typing": "note"}
    assert whereabouts.understood('{"at": 0, "typing": "note"}') == {"at": 0, "typing": ""}
    assert whereabouts.understood('{"queue": "?view=mine"}') == {"queue": "view=mine"}


@pytest.mark.django_db
class TestCountsOfManyScreens:
    def test_each_sees_the_numbers_of_their_own_page(self, client, anna, olu):
        team = TeamFactory()
        add_to_team(team, anna)
        now = timezone.now()
        tickets = [make_ticket(now=now) for _ in range(4)]
        Ticket.objects.filter(pk=tickets[0].pk).update(team=team)
        services.assign(ticket=tickets[1], owner=olu, actor=olu, now=now)
        services.set_status(ticket=tickets[2], status=Status.WAITING, actor=olu, now=now)
        common = SavedView.objects.create(created_by=olu, name="All waiting", params={"view": "waiting"})
        own = SavedView.objects.create(owner=olu, created_by=olu, name="Of me", params={"owner": "me", "view": "open"})
        viewers = [wanted(user=person, query="view=open").viewer for person in (anna, olu)]
        found = queue_strip.strips(viewers, now=timezone.now())
        for person in (anna, olu):
            client.force_login(person)
            shown = client.get("/admin/helpdesk/ticket/?view=open").context["cl"]
            page = {view["key"]: view["shown"] for view in shown.views if view["key"] != queue_views.CLOSED}
            page |= {f"saved-{row['view'].pk}": row["shown"] for row in shown.saved_views}
            assert found[person.pk] == page
        assert found[olu.pk][f"saved-{own.pk}"] == "1"
        assert f"saved-{own.pk}" not in found[anna.pk]
        assert found[anna.pk][f"saved-{common.pk}"] == "1"

    def test_two_hundred_screens_are_counted_in_a_few_queries(self, django_assert_num_queries):
        SavedView.objects.create(name="All waiting", params={"view": "waiting"}, created_by=StaffFactory())
        people = [StaffFactory() for _ in range(30)]
        viewers = [wanted(user=person, query="").viewer for person in people]
        with django_assert_num_queries(2):  # what people own, and everything else
            assert len(queue_strip.strips(viewers, now=timezone.now())) == 30
