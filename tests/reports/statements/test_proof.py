"""Statements are made again to the byte, and nobody can alter one."""

import json
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.reports import statement_files, statements
from helpdesk.reports.models import Statement
from helpdesk.reports.statement_check import check
from helpdesk.reports.statement_pdf import render, render_preview
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ClockEvent
from helpdesk.tickets import services
from helpdesk.tickets.services import Wish
from tests.reports.statements.october import HOUR, ISSUED, MINUTE, NOON, OCTOBER, issue

pytestmark = pytest.mark.django_db


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
