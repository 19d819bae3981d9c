"""SLA statements: what they count, that they are made again to the byte, and that nobody can alter one (SPEC 2.8)."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import Account, StaffRole
from helpdesk.reports import statement_files, statements
from helpdesk.reports.breaches import Filters
from helpdesk.reports.figures import report
from helpdesk.reports.models import Statement
from helpdesk.reports.periods import Period
from helpdesk.reports.statement_check import check
from helpdesk.reports.statement_pdf import render, render_preview
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockEvent, ExceptionCode
from helpdesk.tickets import services
from helpdesk.tickets.services import Refused, Wish
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
OCTOBER = date(2026, 10, 1)
ISSUED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
NOON = datetime(2026, 10, 14, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def account():
    return AccountFactory(name="Kestrel Freight Group", time_zone="Europe/Berlin")


@pytest.fixture
def mina(account):
    return DesignatedFactory(account=account)


@pytest.fixture
def ada():
    return StaffFactory(full_name="Ada Ash")


@pytest.fixture
def manager():
    return StaffFactory(staff_role=StaffRole.MANAGER)


@pytest.fixture
def ticket(mina, ada):
    """A guaranteed ticket, answered so long after it was opened (None: never)."""

    def ticket_(opened: datetime = NOON, answered: timedelta | None = None, **given):
        made = make_ticket(given.pop("member", mina), now=opened, **given)
        if answered is not None:
            services.reply(ticket=made, actor=ada, body="Done.", now=opened + answered)
        return made

    return ticket_


def issue(account: Account, *, month: date = OCTOBER, now: datetime = ISSUED) -> Statement:
    return statements.issue(account=account, month=month, actor=None, now=now)[0]


def said(statement: Statement) -> dict:
    return json.loads(statement.document)["figures"]


def net(statement: Statement) -> tuple:
    row = said(statement)["guaranteed"]["net"]
    return row["due"], row["met"], row["answered_late"], row["unanswered"], row["attainment"]


def gross(statement: Statement) -> tuple:
    row = said(statement)["guaranteed"]["gross"]
    return row["due"], row["met"], row["answered_late"], row["unanswered"], row["attainment"]


def rows(statement: Statement) -> dict[str, dict]:
    return {row["reference"]: row for row in said(statement)["guaranteed"]["targets"]}


# --- what counts ---------------------------------------------------------------------------------


def test_an_answer_at_the_very_deadline_is_kept_and_a_microsecond_later_is_not(account, ticket):
    at, after = ticket(answered=HOUR), ticket(answered=HOUR + timedelta(microseconds=1))
    made = issue(account)
    assert net(made) == (2, 1, 1, 0, "50.0")
    assert rows(made)[f"PS-{at.pk}"]["verdict"] == "met"
    assert rows(made)[f"PS-{after.pk}"]["verdict"] == "answered_late"
    assert rows(made)[f"PS-{after.pk}"]["answered"] == "2026-10-14T13:00:00.000001Z"


def test_unanswered_past_due_is_not_kept_though_no_sweep_wrote_it_down(account, ticket):
    waiting = ticket()
    assert waiting.clocks.get(metric="first_response").breached_at is None
    assert net(issue(account)) == (1, 0, 0, 1, "0.0")


def test_nothing_due_is_no_attainment(account):
    made = issue(account)
    assert net(made) == (0, 0, 0, 0, None)
    assert (made.due, made.met) == (0, 0)


def test_a_void_target_counts_gross_only(account, ticket, grant):
    late = ticket(answered=2 * HOUR)
    grant(late, Wish(effect=Effect.VOID), at=NOON + 3 * HOUR)
    made = issue(account)
    assert net(made) == (0, 0, 0, 0, None)
    assert gross(made) == (1, 0, 1, 0, "0.0")
    assert said(made)["guaranteed"]["void"] == 1
    assert said(made)["guaranteed"]["exceptions"] == {"third-party": {"targets": 1, "lifted": 1}}
    row = rows(made)[f"PS-{late.pk}"]
    assert (row["verdict"], row["counts"], row["counts_gross"]) == ("void", False, True)


def test_an_exception_moves_a_target_into_the_next_month_net_and_leaves_it_here_gross(account, ticket, grant):
    opened = datetime(2026, 10, 31, 22, 0, tzinfo=UTC)  # 23:00 in Berlin: due at midnight there
    moved = ticket(opened - 30 * MINUTE, answered=50 * MINUTE)
    pause = Wish(effect=Effect.PAUSE, out_from=opened - 20 * MINUTE, out_until=opened + 25 * MINUTE)
    grant(moved, pause, at=opened + HOUR)
    october, november = issue(account), issue(account, month=date(2026, 11, 1), now=datetime(2026, 12, 2, tzinfo=UTC))
    assert (net(october), gross(october)) == ((0, 0, 0, 0, None), (1, 1, 0, 0, "100.0"))
    assert (net(november), gross(november)) == ((1, 1, 0, 0, "100.0"), (0, 0, 0, 0, None))


def test_the_month_ends_at_midnight_of_the_account_after_the_clocks_went_back(account, ticket):
    """Berlin leaves summer time on 25 October: the month begins at 22:00 and ends at 23:00 UTC."""
    inside = [datetime(2026, 9, 30, 21, 0, tzinfo=UTC), datetime(2026, 10, 31, 21, 59, 59, tzinfo=UTC)]
    outside = [datetime(2026, 9, 30, 20, 59, 59, tzinfo=UTC), datetime(2026, 10, 31, 22, 0, tzinfo=UTC)]
    for opened in inside + outside:
        ticket(opened, answered=MINUTE)  # due an hour after
    made = issue(account)
    document = json.loads(made.document)
    assert document["window"] == {"start": "2026-09-30T22:00:00Z", "end": "2026-10-31T23:00:00Z"}
    assert [row["asked"] for row in said(made)["guaranteed"]["targets"]] == [
        "2026-09-30T21:00:00Z",
        "2026-10-31T21:59:59Z",
    ]


def test_what_is_paused_across_the_months_end_is_due_when_it_goes_on(account, ada, mina):
    """An aim to answer the next message waits for the customer over the end of the month."""
    opened = datetime(2026, 10, 31, 21, 0, tzinfo=UTC)
    made = make_ticket(mina, now=opened)
    services.reply(ticket=made, actor=ada, body="Which form?", now=opened + MINUTE)
    services.customer_reply(ticket=made, actor=mina.user, body="All of them.", now=opened + 10 * MINUTE)
    services.set_status(ticket=made, status="waiting", actor=ada, now=opened + 20 * MINUTE)
    october = issue(account)
    assert said(october)["objectives"] == {}
    assert made.clocks.get(metric="next_response").state == "paused"
    goes_on = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
    services.customer_reply(ticket=made, actor=mina.user, body="And now?", now=goes_on)
    services.reply(ticket=made, actor=ada, body="Done.", now=goes_on + HOUR)
    november = issue(account, month=date(2026, 11, 1), now=datetime(2026, 12, 2, tzinfo=UTC))
    assert said(november)["objectives"]["next_response"]["net"]["met"] == 1


def test_merged_and_spam_are_in_no_figure(account, ticket, ada):
    kept, merged, spam = ticket(), ticket(NOON + MINUTE), ticket(NOON + 2 * MINUTE)
    services.merge(ticket=merged, into=kept, reason="The same.", actor=ada, now=NOON + 5 * MINUTE)
    services.mark_spam(ticket=spam, reason="An advertisement.", actor=ada, now=NOON + 6 * MINUTE)
    services.reply(ticket=kept, actor=ada, body="Done.", now=NOON + 7 * MINUTE)
    assert net(issue(account)) == (1, 1, 0, 0, "100.0")


def test_a_reopened_ticket_keeps_its_first_response(account, ticket, ada, mina):
    made = ticket(answered=5 * MINUTE)
    services.set_status(ticket=made, status="solved", actor=ada, now=NOON + 10 * MINUTE)
    services.customer_reply(ticket=made, actor=mina.user, body="It is back.", now=NOON + 2 * HOUR)
    statement = issue(account)
    assert net(statement) == (1, 1, 0, 0, "100.0")
    assert said(statement)["objectives"]["next_response"]["net"]["unanswered"] == 1


def test_guarantees_and_aims_are_never_in_one_figure(account, ticket):
    ticket(answered=2 * HOUR, member=MembershipFactory(account=account))
    ticket(answered=2 * HOUR)
    found = said(issue(account))
    assert found["guaranteed"]["net"]["due"] == 1
    assert found["objectives"]["first_response"]["net"] == {
        "answered_late": 0,
        "attainment": "100.0",
        "due": 1,
        "met": 1,
        "unanswered": 0,
    }


def test_half_an_hour_is_another_promise_than_an_hour(account, ticket):
    ticket(answered=31 * MINUTE, critical=True)
    ticket(answered=31 * MINUTE)
    found = said(issue(account))["guaranteed"]["by_target"]
    assert [(row["target"], row["net"]["due"], row["net"]["met"]) for row in found] == [
        ({"seconds": 1800}, 1, 0),
        ({"seconds": 3600}, 1, 1),
    ]


def test_another_accounts_tickets_are_not_in_it(account, ticket):
    ticket(member=DesignatedFactory())
    assert net(issue(account)) == (0, 0, 0, 0, None)


def test_the_statement_and_the_breach_report_say_the_same(account, ticket, grant, manager):
    for minutes in (5, 59, 60, 61, 200):
        ticket(answered=minutes * MINUTE)
    ticket()
    grant(ticket(answered=3 * HOUR), Wish(effect=Effect.VOID), at=NOON + 5 * HOUR)
    retarget = Wish(effect=Effect.RETARGET, target_seconds=4 * 3600)
    grant(ticket(answered=3 * HOUR), retarget, at=NOON + 5 * HOUR)
    period = Period(first=OCTOBER, last=date(2026, 10, 31), zone=BERLIN)
    total = report(Filters(period=period, account=account.pk), reader=manager, now=ISSUED).total
    made = issue(account)
    for figures, counted in ((total.now, net(made)), (total.gross, gross(made))):
        assert (figures.due, figures.met, figures.answered_late, figures.unanswered) == counted[:4]
    assert (net(made), gross(made)) == ((7, 4, 2, 1, "57.1"), (8, 3, 4, 1, "37.5"))


# --- issued once, revised, never rewritten -------------------------------------------------------


def test_a_late_answer_makes_a_revision_and_leaves_the_old_one(account, ticket, ada):
    waiting = ticket()
    first = issue(account)
    before = first.document
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    second = issue(account, now=ISSUED + 2 * HOUR)
    assert (first.revision, second.revision) == (1, 2)
    assert Statement.objects.get(pk=first.pk).document == before
    assert json.loads(second.document)["replaces"] == first.digest
    assert (net(first), net(second)) == ((1, 0, 0, 1, "0.0"), (1, 0, 1, 0, "0.0"))
    found = statements.difference(first, second)
    assert [(row.reference, row.before["verdict"], row.after["verdict"]) for row in found.changes] == [
        (f"PS-{waiting.pk}", "unanswered", "answered_late")
    ]
    assert list(Statement.objects.in_force()) == [second]


def test_where_nothing_changed_there_is_no_revision(account, ticket):
    ticket(answered=MINUTE)
    first, again = issue(account), issue(account, now=ISSUED + 30 * timedelta(days=1))
    assert first.pk == again.pk
    assert Statement.objects.count() == 1


def test_a_month_that_still_runs_is_refused_where_the_account_is(account):
    midnight = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
    with pytest.raises(Refused, match="not over yet"):
        issue(account, now=midnight)
    assert issue(account, now=midnight + MINUTE).revision == 1


def test_the_database_refuses_to_change_or_delete_a_statement(account):
    made = issue(account)
    for change in (lambda: Statement.objects.update(met=0, due=9), made.delete):
        with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
            change()


def test_an_account_that_moves_keeps_the_months_of_its_statements(account, ticket, ada):
    waiting = ticket()
    first = issue(account)
    Account.objects.filter(pk=account.pk).update(time_zone="Asia/Tokyo")
    account.refresh_from_db()
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    second = issue(account, now=ISSUED + 2 * HOUR)
    for name in ("time_zone", "window"):
        assert json.loads(second.document)[name] == json.loads(first.document)[name]


def test_beat_issues_what_is_due_once_and_revises_what_changed(account, ticket, ada):
    waiting = ticket()
    early = datetime(2026, 11, 1, 4, 59, tzinfo=UTC)  # not six hours after midnight in Berlin
    months = {date(2026, 9, 1), date(2026, 8, 1)}
    statements.issue_due(now=early)
    assert set(Statement.objects.values_list("month", flat=True)) == months
    done = statements.issue_due(now=early + MINUTE)
    assert (done["issued"], done["revised"]) == (1, 0)
    assert statements.issue_due(now=ISSUED)["looked_at"] == 0
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    done = statements.issue_due(now=ISSUED + 2 * HOUR)
    assert (done["issued"], done["revised"]) == (0, 1)
    assert statements.issue_due(now=ISSUED + 3 * HOUR)["looked_at"] == 0


def test_beat_goes_on_where_a_run_was_full(account, ticket):
    ticket()
    for _other in range(2):
        ticket(member=DesignatedFactory())
    runs = [statements.issue_due(now=ISSUED, limit=4)["issued"] for _run in range(4)]
    assert runs == [4, 4, 1, 0]


def test_beat_comes_to_the_changed_one_behind_many_unchanged_ones(ticket, ada):
    *calm, late = (ticket(member=DesignatedFactory(), answered=None) for _account in range(5))
    statements.issue_due(now=ISSUED)
    for unchanged in calm:  # an event that changes no figure
        clock = unchanged.clocks.get(metric="first_response")
        event = clock.events.order_by("number").last()
        clock.events.create(number=event.number + 1, kind="breach", at=clock.due_at, recorded_at=ISSUED + HOUR, data={})
    services.reply(ticket=late, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    assert statements.issue_due(now=ISSUED + 2 * HOUR, limit=2)["revised"] == 1
    assert statements.issue_due(now=ISSUED + 3 * HOUR, limit=2)["looked_at"] == 0


def test_beat_looks_at_the_month_that_changed_only(account, ticket, ada):
    ticket(opened=datetime(2026, 9, 14, 12, 0, tzinfo=UTC))
    waiting = ticket()
    statements.issue_due(now=ISSUED)
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    done = statements.issue_due(now=ISSUED + 2 * HOUR)
    assert (done["looked_at"], done["revised"]) == (1, 1)


def test_beat_passes_over_an_account_that_cannot_be_counted(ticket, monkeypatch):
    broken, sound = (ticket(member=DesignatedFactory()).account for _account in range(2))
    figures = statements.figures

    def failing(*, account_id, **given):
        if account_id == broken.pk:
            raise ValueError("no such event")
        return figures(account_id=account_id, **given)

    monkeypatch.setattr(statements, "figures", failing)
    done = statements.issue_due(now=ISSUED)
    assert [pk for pk, _month in done["failed"]] == [broken.pk] * 3
    assert sound.statements.count() == 3
    monkeypatch.setattr(statements, "figures", figures)
    assert statements.issue_due(now=ISSUED + HOUR)["issued"] == 3
    assert statements.issue_due(now=ISSUED + 2 * HOUR)["looked_at"] == 0


# --- proof ---------------------------------------------------------------------------------------


def test_the_figures_can_be_made_again_to_the_byte_whatever_happened_since(account, ticket, ada, grant):
    waiting, late = ticket(), ticket(answered=2 * HOUR)
    made = issue(account)
    services.reply(ticket=waiting, actor=ada, body="Sorry.", now=ISSUED + HOUR)
    grant(late, Wish(effect=Effect.VOID), at=ISSUED + HOUR)
    issue(account, now=ISSUED + 2 * HOUR)
    found = check(statement_files.as_json(made))
    assert (found.digest, found.signature, found.recomputed, found.pages) == (True, True, True, None)
    assert (found.is_good, found.newer) == (True, 2)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_pdf_verifies(account, ticket, language):
    for minutes in range(40):
        ticket(NOON + minutes * MINUTE, answered=minutes * 2 * MINUTE)
    content = render(issue(account), language=language)
    found = check(content)
    assert (found.digest, found.signature, found.recomputed, found.pages) == (True, True, True, True)
    assert content.count(b"/Type /Page\n") >= 2


def test_a_page_of_the_pdf_that_was_altered_is_found_out(account, ticket):
    ticket(answered=2 * HOUR)
    content = render(issue(account), language="en")
    place = content.index(b"stream") + 20
    altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    found = check(altered)
    assert (found.digest, found.signature, found.recomputed, found.pages) == (True, True, True, False)
    assert not found.is_good
    assert check(content + b"\n%%EOF appended").pages is False


def altered(statement: Statement, **changes) -> bytes:
    whole = json.loads(statement_files.as_json(statement))
    whole["document"]["figures"]["guaranteed"]["net"].update(changes)
    return json.dumps(whole).encode()


def test_a_figure_that_was_altered_is_found_out(account, ticket):
    ticket(answered=2 * HOUR)
    found = check(altered(issue(account), met=1))
    assert (found.digest, found.signature, found.recomputed, found.is_good) == (False, False, None, False)


def test_a_forger_with_a_key_of_their_own_is_found_out(account, ticket, settings):
    ticket(answered=2 * HOUR)
    made = issue(account)
    ours, settings.STATEMENT_KEY = settings.STATEMENT_KEY, "A" * 43
    forged = json.loads(altered(made, met=1))
    signed = statements.sign(statements.canonical(forged["document"]))
    forged |= {"digest": signed.digest, "signature": signed.signature, "public_key": signed.public_key}
    settings.STATEMENT_KEY = ours
    found = check(json.dumps(forged).encode())
    assert (found.digest, found.signature, found.recomputed) == (True, False, None)


def test_a_key_of_before_still_verifies(account, settings):
    made = issue(account)
    content = render(made, language="en")
    settings.STATEMENT_KEY = "B" * 43
    assert check(content).signature is False
    settings.STATEMENT_OLD_KEYS = [made.public_key]
    found = check(content)
    assert (found.signature, found.pages) == (True, True)


def test_events_that_were_altered_in_the_database_are_found_out(account, ticket):
    late = ticket(answered=2 * HOUR)
    content = statement_files.as_json(issue(account))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
    answers = ClockEvent.objects.filter(clock__ticket=late, clock__metric="first_response")
    answers.filter(kind="breach").delete()
    answers.filter(kind="fulfil").update(at=NOON + MINUTE)
    found = check(content)
    assert (found.digest, found.signature, found.recomputed) == (True, True, False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7\nnothing",
        b"[]",
        b"null",
        b'{"document": {}}',
        b'{"document": {"a": 0.1}, "digest": "", "signature": "", "public_key": ""}',
        b"[" * 100_000,
        b"%PDF-1.3\n/Type /EmbeddedFile /Filter /FlateDecode stream\nnot zlib\nendstream",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_statement_is_called_that(content):
    with pytest.raises(statement_files.Unreadable):
        check(content)


@pytest.mark.parametrize(
    "line", [b"/Type /EmbeddedFilestream\n", b"/Type /EmbeddedFile ", b"/Type /EmbeddedFile\nstream"]
)
def test_a_hostile_file_costs_no_more_than_its_length(line):
    content = b"%PDF-1.7\n" + line * (statement_files.LARGEST // len(line) - 1)
    began = time.process_time()
    with pytest.raises(statement_files.Unreadable):
        statement_files.read(content)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("document", ["{}", "[]", '"text"', '{"account": [], "month": {}}'])
def test_an_odd_document_holds_nothing_and_breaks_nothing(document):
    found = check(b'{"document": %s, "digest": "x", "signature": "?", "public_key": "zz"}' % document.encode())
    assert (found.digest, found.signature, found.is_good) == (False, False, False)
    json.dumps(found.as_json())


def test_the_command_says_which_holds(account, ticket, tmp_path, capsys):
    ticket(answered=2 * HOUR)
    made = issue(account)
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.json"
    good.write_bytes(render(made, language="en"))
    bad.write_bytes(altered(made, met=1))
    call_command("verify_statement", str(good))
    assert json.loads(capsys.readouterr().out)["good"] is True
    with pytest.raises(SystemExit):
        call_command("verify_statement", str(bad))
    assert json.loads(capsys.readouterr().out)["digest"] is False
    with pytest.raises(CommandError, match="No such file"):
        call_command("verify_statement", str(tmp_path / "missing"))


def test_a_preview_is_marked_and_carries_nothing_that_verifies(account, ticket):
    ticket(answered=MINUTE)
    running = statements.preview(account=account, month=OCTOBER, now=NOON + 2 * HOUR)
    assert running["is_final"] is False
    assert running["figures"]["guaranteed"]["net"]["due"] == 1
    with pytest.raises(statement_files.Unreadable):
        check(render_preview(running, language="en"))


def test_what_is_still_to_come_is_not_due_in_a_preview(account, ticket):
    ticket()
    running = statements.preview(account=account, month=OCTOBER, now=NOON + 10 * MINUTE)
    assert running["figures"]["guaranteed"]["net"]["due"] == 0


def test_queries_do_not_depend_on_tickets(account, ticket, mina):
    counts = []
    for many in (1, 29):
        for place in range(many):
            ticket(NOON + place * MINUTE, answered=2 * HOUR)
        with CaptureQueriesContext(connection) as queries:
            statements.preview(account=account, month=OCTOBER, now=ISSUED)
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.fixture
def grant(manager, ada):
    """Ask for an exception of a ticket's first response and approve it at once."""
    ExceptionCode.objects.filter(code="third-party").update(effects=list(Effect))

    def grant_(made, wish: Wish, *, at: datetime) -> None:
        clock = made.clocks.get(metric="first_response")
        code = ExceptionCode.objects.get(code="third-party")
        asked = services.request_exception(clock=clock, code=code, wish=wish, evidence="Log.", actor=ada, now=at)
        services.decide_exception(exception=asked, approve=True, note="Seen.", actor=manager, now=at)

    return grant_
