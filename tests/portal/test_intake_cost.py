"""What one submission costs the database: the same whatever it holds, and how many statements."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.sla.models import Policy, PolicyVersion
from helpdesk.tickets.models import FormDraft, InboundMessage, Ticket
from tests.at_once import at_once
from tests.factories import TeamFactory, make_ticket

NEW = "/tickets/new/"
KEY = "A" * 22
# Who asks: the session, the person, the accounts that they belong to.
PERSON = ("django_session", "helpdesk_user", "helpdesk_membership")


def statements(captured) -> list[str]:
    """Without savepoints, which a test's own transaction makes of transactions."""
    return [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]


@pytest.mark.parametrize("files", [0, 1, 15])
def test_a_submission_takes_the_same_statements_whatever_it_holds(files, kestrel, sign_in, filled, frozen):
    client = sign_in(kestrel.mina)
    client.get(NEW)
    client.post(NEW, filled(key="B" * 22))  # from here on this process knows the rules' versions
    if files:
        uploads = [SimpleUploadedFile(f"{n}.txt", b"%d" % n) for n in range(files)]
        client.post("/tickets/new/files/", {"key": KEY, "files": uploads})
    with CaptureQueriesContext(connection) as captured:
        assert client.post(NEW, filled()).status_code == 302
    made = statements(captured.captured_queries)
    person = [sql for sql in made if any(f'FROM "{table}"' in sql for table in PERSON)]
    # With files one more: the message takes them over.
    assert (len(made) - len(person), len(person)) == (5 + bool(files), 3)


@pytest.mark.parametrize("many", [1, 30])
def test_a_submission_takes_the_same_statements_whatever_there_is(many, kestrel, sign_in, filled, frozen, now):
    """More tickets of the person, more policies, more teams, claimed critical: not one statement more."""
    document = PolicyVersion.objects.filter(is_current=True).first().document
    for number in range(many):
        make_ticket(kestrel.mina, now=now)
        TeamFactory()
        policy = Policy.objects.create(name=f"More {number}", position=50 + number)
        PolicyVersion.objects.create(policy=policy, number=1, document=document, created_at=now)
    client = sign_in(kestrel.mina)
    client.post(NEW, filled(key="B" * 22))
    claim = {"critical": "on", "affected": "everyone", "since": "2026-11-24T12:40", "process": "Orders"}
    with CaptureQueriesContext(connection) as captured:
        assert client.post(NEW, filled(**claim, workaround="none")).status_code == 302
    assert len(statements(captured.captured_queries)) == 8


def test_what_breaks_off_leaves_no_ticket_and_keeps_the_draft(kestrel, sign_in, filled, frozen, monkeypatch):
    """The ticket and the end of its draft are one transaction: *Send* again then makes the one ticket."""
    client = sign_in(kestrel.mina)
    client.post("/tickets/new/draft/", filled())
    client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr("helpdesk.portal.drafts.services.form_was_sent", lambda **_form: 1 / 0)
        assert client.post(NEW, filled()).status_code == 500
    assert (Ticket.objects.count(), InboundMessage.objects.count(), FormDraft.objects.count()) == (0, 0, 1)
    assert client.post(NEW, filled()).status_code == 302
    assert (Ticket.objects.count(), InboundMessage.objects.count(), FormDraft.objects.count()) == (1, 1, 0)


def test_a_new_version_of_a_policy_counts_from_the_next_ticket_on(kestrel, sign_in, filled, frozen):
    """What a process has read of versions before never stands in for what is in force."""
    client = sign_in(kestrel.mina)
    client.post(NEW, filled())
    before = Ticket.objects.get().policy_version
    PolicyVersion.objects.filter(pk=before.pk).update(is_current=False)
    after = PolicyVersion.objects.create(
        policy=before.policy, number=before.number + 1, document=before.document, created_at=frozen
    )
    client.post(NEW, filled(key="B" * 22))
    assert Ticket.objects.order_by("id").last().policy_version == after


def test_a_ticket_is_served_by_the_first_team_of_its_hub_and_channel(kestrel, sign_in, filled, frozen):
    client = sign_in(kestrel.mina)
    client.post(NEW, filled())
    ticket = Ticket.objects.get()
    team = ticket.hub.teams.filter(channels__contains=[ticket.channel]).order_by("id").first()
    assert (ticket.team, ticket.calendar_version.is_current) == (team, True)


@pytest.mark.django_db(transaction=True)
def test_send_pressed_twice_at_once_with_a_file_leads_both_to_the_one_ticket(kestrel, sign_in, filled):
    """The second one waits for the first; the file that it had seen waiting is the ticket's by then."""
    clients = [sign_in(kestrel.mina), sign_in(kestrel.mina)]
    clients[0].post("/tickets/new/files/", {"key": KEY, "files": [SimpleUploadedFile("a.txt", b"a")]})
    answers = []
    assert not at_once(*(lambda client=client: answers.append(client.post(NEW, filled())) for client in clients))
    ticket = Ticket.objects.get()
    assert [answer.url for answer in answers] == [f"/tickets/{ticket.pk}/"] * 2
    assert ticket.attachments.get().message == ticket.messages.get()
