"""The queue: what is on it, in which order, at what cost, and what can be done to its rows."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.tickets import services
from helpdesk.tickets.models import Reading, Status
from helpdesk.workspace import queue_search
from tests.factories import (
    AccountFactory,
    DesignatedFactory,
    MembershipFactory,
    StaffFactory,
    TeamFactory,
    add_to_team,
    make_ticket,
)

pytestmark = pytest.mark.django_db
QUEUE = "/admin/helpdesk/ticket/"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def specialist(client):
    person = StaffFactory(full_name="Anna Meier")
    client.force_login(person)
    return person


def listed(answer) -> list[int]:
    return [ticket.pk for ticket in answer.context["cl"].result_list]


def test_the_deadline_that_comes_first_is_on_top(client, specialist):
    now = timezone.now()
    later = make_ticket(now=now - 10 * MINUTE)
    critical = make_ticket(now=now, critical=True)
    aim = make_ticket(MembershipFactory(), now=now - 20 * MINUTE)
    late = make_ticket(now=now - 90 * MINUTE)
    answered = make_ticket(now=now)
    services.reply(ticket=answered, actor=specialist, body="done", now=now)
    assert listed(client.get(QUEUE)) == [late.pk, critical.pk, later.pk, aim.pk, answered.pk]


def test_each_row_says_how_it_stands_in_words(client, specialist):
    now = timezone.now()
    make_ticket(now=now - 90 * MINUTE)
    make_ticket(now=now - 50 * MINUTE)
    make_ticket(now=now)
    answered = make_ticket(now=now)
    services.reply(ticket=answered, actor=specialist, body="done", now=now)
    page = client.get(QUEUE).content.decode()
    assert re.findall(r"clk clk--(\w+)", page) == ["breach", "soon", "ok", "met"]
    assert "no clock runs" in page
    assert page.count("guar.") == 4  # three rows and the legend


def test_views_hold_what_they_say(client, specialist):
    now = timezone.now()
    team = TeamFactory()
    add_to_team(team, specialist)
    mine = services.assign(ticket=make_ticket(now=now), owner=specialist, actor=specialist, now=now)
    ours = make_ticket(now=now)
    services.assign(ticket=ours, owner=None, team=team, actor=specialist, now=now)
    late = make_ticket(now=now - 61 * MINUTE)
    near = make_ticket(now=now - 46 * MINUTE)
    critical = make_ticket(now=now, critical=True)
    waiting = make_ticket(now=now)
    services.reply(ticket=waiting, actor=specialist, body="which form?", now=now, status=Status.WAITING)
    closed = make_ticket(now=now)
    services.reply(ticket=closed, actor=specialist, body="done", now=now, status=Status.SOLVED)
    expected = {
        "mine": {mine.pk, waiting.pk},
        "teams": {ours.pk},
        "unassigned": {ours.pk, late.pk, near.pk, critical.pk},
        "critical": {critical.pk},
        "near": {near.pk},
        "breached": {late.pk},
        "waiting": {waiting.pk},
        "open": {mine.pk, ours.pk, late.pk, near.pk, critical.pk, waiting.pk},
        "closed": {closed.pk},
    }
    found = {view: set(listed(client.get(QUEUE, {"view": view}))) for view in expected}
    assert found == expected
    assert set(listed(client.get(QUEUE))) == {ours.pk}, "who has teams begins with their teams' tickets"
    counts = {view["key"]: view["count"] for view in client.get(QUEUE).context["cl"].views}
    assert counts == {**{key: len(pks) for key, pks in expected.items()}, "closed": None}


def test_the_head_sums_up_what_is_shown(client, specialist):
    now = timezone.now()
    for minutes in (61, 50, 46, 0):
        make_ticket(now=now - minutes * MINUTE)
    taken = make_ticket(MembershipFactory(), hub="sales", now=now)
    services.assign(ticket=taken, owner=specialist, actor=specialist, now=now)
    sums = {view: client.get(QUEUE, {"view": view}).context["cl"].sums for view in ("open", "mine", "near", "closed")}
    assert sums == {
        "open": {"all": 5, "late": 1, "soon": 2, "free": 4},
        "mine": {"all": 1, "late": 0, "soon": 0, "free": 0},
        "near": {"all": 2, "late": 0, "soon": 2, "free": 2},
        "closed": {"all": 0},
    }
    assert client.get(QUEUE, {"hub": "sales"}).context["cl"].sums == {"all": 1, "late": 0, "soon": 0, "free": 0}
    assert "<b>4</b> unassigned" in client.get(QUEUE).content.decode()


@pytest.mark.parametrize("minutes", [44, 45, 46, 60, 61])
def test_near_breach_counts_the_very_tickets_that_are_shown_as_soon(client, specialist, minutes):
    ticket = make_ticket(now=timezone.now() - minutes * MINUTE)
    page = client.get(QUEUE, {"view": "open"}).content.decode()
    assert (ticket.pk in listed(client.get(QUEUE, {"view": "near"}))) == ("clk--soon" in page)


@pytest.mark.parametrize(
    "typed", ["{pk}", "PS-{pk}", "ps-{pk}", " #{pk} ", "peregrine", "Forms show", "elena@kestrel.example"]
)
def test_search_finds_by_reference_account_person_and_subject(client, specialist, typed):
    membership = DesignatedFactory(account=AccountFactory(name="Peregrine Logistics"))
    membership.user.email = "elena@kestrel.example"
    membership.user.save()
    ticket = make_ticket(membership, now=timezone.now())
    make_ticket(subject="Another", now=timezone.now())
    assert listed(client.get(QUEUE, {"q": typed.format(pk=ticket.pk)})) == [ticket.pk]


@pytest.mark.parametrize("typed", ["9" * 40, "PS-", "%", "'; drop table", "\u202e🙂" * 100, "a\x00b", "@"])
def test_search_stands_whatever_is_typed(client, specialist, typed):
    make_ticket(now=timezone.now())
    assert client.get(QUEUE, {"q": typed}).status_code == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"p": "0"}, 302),
        ({"p": "99999999999999999999"}, 302),
        ({"p": "x"}, 200),
        ({"view": "nonsense"}, 200),
        ({"hub": "nonsense"}, 200),
        ({"o": "1.2.-3"}, 200),
        ({"owner__email__startswith": "a"}, 400),
        ({"subject__icontains": "a"}, 400),
    ],
)
def test_an_address_cannot_ask_for_more_than_the_page_offers(client, specialist, query, status):
    make_ticket(now=timezone.now())
    assert client.get(QUEUE, query).status_code == status


def test_filters_narrow(client, specialist):
    now = timezone.now()
    content = make_ticket(now=now)
    sales = make_ticket(MembershipFactory(), hub="sales", now=now)
    claimed = make_ticket(critical=True, now=now)
    assert set(listed(client.get(QUEUE, {"hub": "sales"}))) == {sales.pk}
    assert set(listed(client.get(QUEUE, {"promise": "guaranteed"}))) == {content.pk, claimed.pk}
    assert set(listed(client.get(QUEUE, {"promise": "objective"}))) == {sales.pk}
    assert set(listed(client.get(QUEUE, {"severity": "claimed"}))) == {claimed.pk}
    assert set(listed(client.get(QUEUE, {"severity": "standard"}))) == {content.pk, sales.pk}
    assert set(listed(client.get(QUEUE, {"channel": "chat"}))) == set()
    assert set(listed(client.get(QUEUE, {"status": "new"}))) == {content.pk, sales.pk, claimed.pk}


def queries_of(client, url: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    return len(caught)


def test_the_number_of_queries_does_not_depend_on_the_rows(client):
    lead = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    client.force_login(lead)
    add_to_team(TeamFactory(), lead)
    make_ticket(now=timezone.now())
    client.get(QUEUE)
    few = queries_of(client, QUEUE + "?view=open")
    for _number in range(29):
        ticket = make_ticket(now=timezone.now(), critical=True)
        services.assign(ticket=ticket, owner=StaffFactory(), actor=lead, now=timezone.now())
    assert queries_of(client, QUEUE + "?view=open") == few
    assert few <= 12


def test_pages_follow_one_another_without_a_count(client, specialist):
    membership = DesignatedFactory()
    tickets = [make_ticket(membership, now=timezone.now() - number * MINUTE) for number in range(60)]
    first = client.get(QUEUE)
    second = client.get(QUEUE, {"p": "2"})
    assert listed(first) + listed(second) == [ticket.pk for ticket in reversed(tickets)]
    assert first.context["cl"].older
    assert second.context["cl"].older is None


def test_take_next_opens_the_most_urgent_ticket(client, specialist):
    now = timezone.now()
    make_ticket(now=now)
    urgent = make_ticket(now=now - 30 * MINUTE)
    answer = client.post(reverse("admin:helpdesk_ticket_take_next"))
    assert answer.url == reverse("admin:helpdesk_ticket_change", args=[urgent.pk])
    assert client.get(reverse("admin:helpdesk_ticket_take_next")).status_code == 405


def test_nothing_to_take_is_said(client, specialist):
    answer = client.post(reverse("admin:helpdesk_ticket_take_next"), follow=True)
    assert "Nothing is waiting for an owner." in answer.content.decode()


def test_words_are_looked_for_among_all_open_tickets_and_in_closed_ones_on_request(client, specialist):
    add_to_team(TeamFactory(), specialist)  # whose queue begins with the teams' tickets
    now = timezone.now()
    ours = make_ticket(now=now, subject="全ユーザーがログインできません")
    closed = make_ticket(now=now, body="ログイン画面が開きません")
    services.reply(ticket=closed, actor=specialist, body="Done.", now=now, status=Status.SOLVED)
    make_ticket(now=now)
    answer = client.get(QUEUE, {"q": "ログイン"})
    assert (listed(answer), answer.context["cl"].title) == ([ours.pk], "All open")
    also = answer.context["cl"].also_closed
    assert f'href="{also.replace("&", "&amp;")}"' in answer.content.decode()
    everything = client.get(also)
    assert listed(everything) == [closed.pk, ours.pk]
    assert everything.context["cl"].title == "Found in all tickets"
    # What the head says the list goes by: the deadline, when it was closed (which no column shows), the number.
    for shown, heads in ((answer, ["clock"]), (client.get(QUEUE, {"view": "closed"}), []), (everything, ["subject"])):
        assert re.findall(r'class="column-(\w+) sorted" aria-sort', shown.content.decode()) == heads
    assert listed(client.get(QUEUE, {"q": "ログイン", "view": "mine"})) == []


def test_a_reference_and_a_person_are_found_in_any_view_but_a_bare_number_may_be_a_word(client, specialist):
    now = timezone.now()
    ticket = make_ticket(now=now, body="The answer is 500.")
    ticket.requester.email = "mina@peregrine.example"
    ticket.requester.save()
    services.reply(ticket=ticket, actor=specialist, body="Done.", now=now, status=Status.SOLVED)
    for typed in (f"PS-{ticket.pk}", str(ticket.pk), "mina@peregrine.example"):
        assert listed(client.get(QUEUE, {"q": typed, "view": "mine"})) == [ticket.pk]
    assert listed(client.get(QUEUE, {"q": "PS-500", "view": "closed"})) == []
    assert listed(client.get(QUEUE, {"q": "500", "view": "closed"})) == [ticket.pk]


@pytest.mark.parametrize("most", [2, 100])
def test_what_is_found_among_all_is_counted_right_alone_and_narrowed(client, specialist, monkeypatch, most):
    """Alone the looking for words has counted it already; with a filter it is counted anew."""
    monkeypatch.setattr(queue_search, "MOST_OF_ALL", most)
    now = timezone.now()
    tickets = [make_ticket(now=now, subject=f"Walrus {number}") for number in range(2)]
    services.assign(ticket=tickets[0], owner=specialist, actor=specialist, now=now)

    def number(**more):
        return client.get(QUEUE, {"view": "closed", **more}).context["cl"].sums

    assert number(q="walrus") == {"all": 2}
    assert number(q="walrus", owner="me") == {"all": 1}
    assert number(q="nothing has it") == {"all": 0}


@pytest.mark.parametrize("typed", ["a:* & !b", "'", "\\", "<->", "(((", "x" * 10_000, "漢" * 5_000, "a\x00b c"])
@pytest.mark.parametrize("view", ["open", "closed"])
def test_words_that_look_like_a_query_are_words(client, specialist, typed, view):
    make_ticket(now=timezone.now())
    assert client.get(QUEUE, {"q": typed, "view": view}).status_code == 200


def test_filters_by_team_owner_and_tag(client, specialist):
    now, team = timezone.now(), TeamFactory()
    ours, mine, tagged = (make_ticket(now=now) for _ in range(3))
    services.assign(ticket=ours, owner=StaffFactory(), team=team, actor=specialist, now=now)
    services.assign(ticket=mine, owner=specialist, actor=specialist, now=now)
    services.change_tags(ticket=tagged, add=["sync"], actor=specialist, now=now)
    tag = tagged.tags.get()
    expected = {
        ("team", team.pk): [ours.pk],
        ("owner", "me"): [mine.pk],
        ("owner", specialist.pk): [mine.pk],
        ("owner", "nobody"): [tagged.pk],
        ("tag", tag.pk): [tagged.pk],
        ("tag", 10**9): [ours.pk, mine.pk, tagged.pk],  # not offered: no filter
    }
    for (name, value), found in expected.items():
        assert sorted(listed(client.get(QUEUE, {"view": "open", name: value}))) == found, (name, value)


def test_news_are_bold_for_who_has_looked_or_owns_the_ticket(client, specialist):
    now = timezone.now()
    read, changed, mine, others = (make_ticket(now=now) for _ in range(4))
    services.assign(ticket=mine, owner=specialist, actor=StaffFactory(), now=now)
    for ticket in (read, changed):
        Reading.objects.create(ticket=ticket, user=specialist, at=now)
    Reading.objects.create(ticket=others, user=StaffFactory(), at=now)
    for ticket in (changed, others):
        services.add_note(ticket=ticket, actor=StaffFactory(), body="News.", now=now + MINUTE)
    page = client.get(QUEUE)
    rows = dict(zip(listed(page), page.context["cl"].rows, strict=True))
    assert {pk: "is-unread" in row for pk, row in rows.items()} == {
        read.pk: False,
        changed.pk: True,
        mine.pk: True,
        others.pk: False,
    }
