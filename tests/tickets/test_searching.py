"""Full-text search: a ticket is found by any word of what was written, in any script, however it is typed."""

import pytest
from django.core.management import call_command
from django.db import connection

from helpdesk.accounts.models import StaffRole
from helpdesk.escalation.manager_requests import answer_request, ask_manager
from helpdesk.tickets import services
from helpdesk.tickets.models import SearchText, Status, Ticket, WordQuery
from helpdesk.workspace import queue_search
from helpdesk.workspace.queue_search import Search
from tests.factories import AccountFactory, DesignatedFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db


def found(text: str) -> set[int]:
    return set(Ticket.objects.filter(search_text__words=WordQuery(text)).values_list("pk", flat=True))


@pytest.mark.parametrize(
    "typed",
    [
        "outage",
        "OUTAGE",
        "outag",  # the beginning of a word
        "workflows outage",  # all words, in any order
        "ＯＵＴＡＧＥ",
        "ログイン",
        "ログ",
        "ﾛｸﾞｲﾝ",  # half width
        "全ユーザー",
        "ユーザ",
        "営業停止",
        "業",  # one letter
        "止",  # the last letter of a run
        "CRMの設定",  # mixed
        "crm 設定",
        "セキュリティ",
        "서울 지점",
        "지점",
        "cafe",
        "Café",
        "naïve",
        "ERR_CONN_42",
        "conn",
        "kitamura",
        "yuki.tanaka@kitamura.example",
        "Yuki",
        "田中",
    ],
)
def test_found_by_any_part_of_what_was_written(typed):
    account = AccountFactory(name="Kitamura Logistics")
    membership = DesignatedFactory(
        account=account, user=UserFactory(full_name="Yuki Tanaka 田中 雪", email="yuki.tanaka@kitamura.example")
    )
    body = (
        "Smart CRMの設定、ｾｷｭﾘﾃｨ画面です。Café naïve, err_conn_42. "
        "All workflows are down. 서울지점에서도 같습니다: 서울 지점."
    )
    ticket = make_ticket(membership, subject="Outage: 全ユーザーがログインできません(営業停止)", body=body)
    make_ticket(subject="Another", body="Nothing of the kind.")
    assert found(typed) == {ticket.pk}


@pytest.mark.parametrize("typed", ["utage", "ログアウト", "outage yesterday", "設止", "", "   ", "!?&|", "。、"])
def test_not_found_by_what_nobody_wrote(typed):
    make_ticket(subject="Outage: 全ユーザーがログインできません", body="営業停止です。設定")
    assert found(typed) == set()


@pytest.mark.parametrize(
    "typed",
    [
        "'", "''", "\\", "\\'", "a & b | !c", "<->", "a <2> b", "word:*", "word:ABCD", "(((", "')) OR true --",
        "a\x00b", "\x00", "9" * 10_000, "漢" * 10_000, "a " * 5_000, "🙂" * 100, "\u202e\u200b", "%s %(a)s {} $1",
        "\ud7ff", "ﷺ" * 100, "e\u0301" * 100,
    ],
)  # fmt: skip
def test_whatever_is_typed_or_written_is_no_error(typed):
    found(typed)
    ticket = make_ticket(subject="Plain", body="x")
    written = typed.replace("\x00", "")
    services.add_note(ticket=ticket, actor=StaffFactory(), body=written or "-", now=ticket.created_at)


def test_each_thing_that_is_said_counts():
    now = make_ticket().created_at
    anna, ticket = StaffFactory(), make_ticket(subject="Sync")
    services.reply(ticket=ticket, actor=anna, body="Please clear the quokka cache.", now=now)
    services.add_note(ticket=ticket, actor=anna, body="Looks like the walrus bug.", now=now)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="It is the ocelot again.", now=now)
    services.record_call(ticket=ticket, actor=anna, connected=False, note="Voicemail of a tapir.", now=now)
    assert [found(word) for word in ("quokka", "walrus", "ocelot", "tapir")] == [{ticket.pk}] * 4


def test_who_took_in_another_ticket_is_found_by_its_words():
    now = make_ticket().created_at
    ticket = make_ticket(subject="Quokka")
    into = make_ticket(DesignatedFactory(account=ticket.account), subject="Walrus")
    services.merge(ticket=ticket, into=into, actor=StaffFactory(), reason="the same", now=now)
    assert found("quokka walrus") == {into.pk}
    assert found("quokka") == {ticket.pk, into.pk}


def test_a_renamed_account_is_found_by_its_new_name():
    ticket = make_ticket(DesignatedFactory(account=AccountFactory(name="Kestrel")))
    services.index_account(account=ticket.account, name="Peregrine")
    assert found("peregrine") == found("kestrel") == {ticket.pk}


def test_an_endless_conversation_takes_more_messages():
    ticket, anna = make_ticket(), StaffFactory()
    for number in range(12):
        body = " ".join(f"{number:02}{word:056}" for word in range(350))
        services.add_note(ticket=ticket, actor=anna, body=body * 2, now=ticket.created_at)
    for number in range(12):
        body = "".join(chr(0x4E00 + (number * 1500 + place * 7) % 20_000) for place in range(20_000))
        services.add_note(ticket=ticket, actor=anna, body=body, now=ticket.created_at)
    assert ticket.messages.count() == 25
    services.rebuild_words([ticket.pk])


def test_rebuilding_makes_the_same_words():
    now = make_ticket().created_at
    anna = StaffFactory()
    ticket = make_ticket(subject="設定画面", body="walrus")
    services.reply(ticket=ticket, actor=anna, body="quokka", now=now)
    services.record_call(ticket=ticket, actor=anna, connected=True, note="tapir", now=now)
    asked = ask_manager(ticket=ticket, actor=ticket.requester, reason="numbat", now=now)
    answer_request(request=asked, actor=StaffFactory(staff_role=StaffRole.MANAGER), answer="wombat", now=now)
    kept = dict(SearchText.objects.values_list("ticket", "words"))
    SearchText.objects.all().delete()
    call_command("rebuild_search")
    assert dict(SearchText.objects.values_list("ticket", "words")) == kept
    assert len(kept) == 2


def open_found(text: str) -> set[int]:
    return set(Search(text).narrow(Ticket.objects.active(), among_open=True).values_list("pk", flat=True))


def test_a_ticket_is_among_the_open_ones_exactly_as_long_as_it_is_open(now):
    ticket = make_ticket(subject="Kestrel export", now=now)
    assert open_found("kestrel") == {ticket.pk}
    for status, found in ((Status.WAITING, True), (Status.SOLVED, False), (Status.OPEN, True), (Status.CLOSED, False)):
        Ticket.objects.filter(pk=ticket.pk).update(status=status)  # whoever changes it, and however
        assert SearchText.objects.get(ticket=ticket).is_open == found
        assert open_found("kestrel") == ({ticket.pk} if found else set())
    services.index_words(ticket, "added later")  # words that come to a closed ticket don't open it
    assert open_found("later") == set()
    assert set(Search("later").narrow(Ticket.objects.all()).values_list("pk", flat=True)) == {ticket.pk}
    services.rebuild_words([ticket.pk])
    assert not SearchText.objects.get(ticket=ticket).is_open


@pytest.mark.parametrize("most", [0, 1, 100])
def test_what_many_have_is_found_like_what_few_have(monkeypatch, now, most):
    monkeypatch.setattr(queue_search, "MOST_OPEN", most)
    monkeypatch.setattr(queue_search, "MOST_OF_ALL", most)
    tickets = {make_ticket(subject=f"Walrus {number}", now=now).pk for number in range(3)}
    make_ticket(subject="Another", now=now)
    assert open_found("walrus") == tickets
    assert set(Search("walrus").narrow(Ticket.objects.all()).values_list("pk", flat=True)) == tickets
    assert open_found("nothing has it") == set()


@pytest.fixture
def spread_out(now):
    """Walruses among other tickets, in the two newest blocks of the index and in older ones; the newest first."""
    walruses = []
    for start in (1_000, 40_000, 80_000, 90_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence('helpdesk_ticket', 'id'), %s)", [start])
        walruses += [make_ticket(subject=f"Walrus {number}", hub=hub, now=now) for number, hub in enumerate(HUBS)]
        make_ticket(subject="Another", now=now)
    return walruses[::-1]


HUBS = ("content", "sales", "content")


@pytest.mark.parametrize("latest", [1, 3, 1000])
def test_the_newest_are_found_wherever_they_are_and_their_number_is_told_only_where_all_are_known(
    monkeypatch, spread_out, latest
):
    monkeypatch.setattr(queue_search, "LATEST", latest)
    newest = Ticket.objects.order_by("-pk")
    for queryset, right in (
        (newest, spread_out),
        (newest.filter(hub="sales"), [ticket for ticket in spread_out if ticket.hub_id == "sales"]),
        (newest.filter(hub="sales", subject="Another"), []),
        (newest.filter(pk__in=[]), []),
    ):
        for enough in range(1, len(right) + 2):
            search = Search("walrus", enough=enough)
            shown = list(search.narrow(queryset)[:enough])
            assert shown == right[:enough]
            assert search.found.number == len(right) if search.found.is_all else search.found.number >= enough
        assert search.found.is_all  # more were wanted than there are


def test_where_enough_are_among_the_newest_the_others_are_not_looked_for(monkeypatch, spread_out):
    monkeypatch.setattr(queue_search, "LATEST", 1)
    search = Search("walrus", enough=2)
    assert len(search.narrow(Ticket.objects.all())) == search.found.number == 6  # those of the two newest blocks


def test_all_words_are_looked_up_in_an_index_that_knows_the_age_of_tickets(spread_out):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "search_text_newest" in SearchText.objects.having(WordQuery("walrus")).explain()
