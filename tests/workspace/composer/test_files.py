"""Files, preview, mentions, canned replies and macros of the reply box, and what it costs."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, CannedReply, Draft, Macro, Message
from tests.factories import StaffFactory, TeamFactory, make_ticket
from tests.workspace.composer.box import SCRIPT, keep, page, replies, send, url

pytestmark = pytest.mark.django_db


def upload(client, ticket, *files):
    data = {"files": [SimpleUploadedFile(name, content) for name, content in files]}
    return client.post(url(ticket, "files"), data, **SCRIPT)


def test_files_are_put_on_and_go_with_the_reply(client, specialist, ticket):
    answer = upload(client, ticket, ("log.txt", b"It broke."), ("setup.exe", b"MZ\x00"))
    assert answer.status_code == 422
    assert "log.txt" in answer.json()["files"][0]
    assert answer.json()["errors"] == ["setup.exe is a program, which is not taken. Send its log or a picture instead."]
    send(client, ticket)
    file = ticket.messages.get(kind="reply").attachments.get()
    assert f'href="{url(ticket, f"files/{file.pk}")}" download' in page(client, ticket)


def test_a_form_without_a_script_brings_its_files_along(client, specialist, ticket):
    send(client, ticket, files=SimpleUploadedFile("log.txt", b"It broke."))
    assert ticket.messages.get(kind="reply").attachments.get().name == "log.txt"


def test_what_is_not_taken_stops_the_reply(client, specialist, ticket):
    answer = send(client, ticket, files=SimpleUploadedFile("setup.exe", b"MZ\x00"))
    assert answer.status_code == 422
    assert "setup.exe is a program" in answer.content.decode()
    assert "We are on it.</textarea>" in answer.content.decode()
    assert replies(ticket) == []


def test_a_file_is_a_download_that_no_browser_runs(client, specialist, ticket):
    upload(client, ticket, ("日本語 <b>.html", b"<script>alert(1)</script>"))
    file = Attachment.objects.get()
    answer = client.get(url(ticket, f"files/{file.pk}"))
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_file_of_a_draft_is_its_writers_alone(client, specialist, ticket):
    upload(client, ticket, ("log.txt", b"It broke."))
    file = Attachment.objects.get()
    client.force_login(StaffFactory())
    assert client.get(url(ticket, f"files/{file.pk}")).status_code == 404
    assert client.post(url(ticket, f"files/{file.pk}/remove"), **SCRIPT).status_code == 404
    other = make_ticket(now=timezone.now())
    client.force_login(specialist)
    assert client.get(url(other, f"files/{file.pk}")).status_code == 404
    assert client.post(url(ticket, f"files/{file.pk}/remove"), **SCRIPT).status_code == 200
    assert not Attachment.objects.exists()


def test_the_preview_is_the_mail_in_its_readers_language_and_time(client, specialist, ticket):
    answer = client.post(url(ticket, "preview"), {"body": "See <b>this</b>."}, **SCRIPT).content.decode()
    for text in ("See &lt;b&gt;this&lt;/b&gt;.", ticket.requester.email, "Anna Meier", 'lang="ja"', "スペシャリスト"):
        assert text in answer
    whole = client.post(url(ticket, "preview"), {"body": "See this."}).content.decode()
    assert "As the customer will get it" in whole
    assert Message.objects.count() == 1


def test_colleagues_are_offered_for_a_mention(client, specialist, ticket):
    StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD)
    StaffFactory(full_name="Gone Away", is_active=False)
    options = client.get(url(ticket, "staff")).json()["options"]
    assert options == [{"name": "Olu Adeyemi", "initials": "OA", "role": "Team lead"}]


def test_a_mention_stands_out(client, specialist, ticket):
    StaffFactory(full_name="Olu <b> Adeyemi")
    send(client, ticket, "Ask @Olu <b> Adeyemi, see https://x.example", act="note")
    shown = page(client, ticket)
    assert '<b class="mention">@Olu &lt;b&gt; Adeyemi</b>, see <a href="https://x.example"' in shown


def test_a_canned_reply_is_read_first_and_counted_when_inserted(client, specialist, ticket):
    canned = CannedReply.objects.create(name="Thanks", shortcut="thanks", body="Hello {{ requester.first_name }}")
    mine = CannedReply.objects.create(name="Mine", body="x", owner=specialist)
    CannedReply.objects.create(name="Hers", body="x", owner=StaffFactory())
    CannedReply.objects.create(name="Theirs", body="x", team=TeamFactory())
    CannedReply.objects.create(name="Away", body="x", is_active=False)
    CannedReply.objects.create(name="Elsewhere", body="x", hub_id="marketing")
    options = client.get(url(ticket, "canned")).json()["options"]
    assert options == [
        {"id": mine.pk, "name": "Mine", "shortcut": "", "for": "Only me"},
        {"id": canned.pk, "name": "Thanks", "shortcut": "thanks", "for": "Everybody"},
    ]
    assert [row["name"] for row in client.get(url(ticket, "canned"), {"q": "hello"}).json()["options"]] == ["Thanks"]
    address = url(ticket, f"canned/{canned.pk}")
    assert client.get(address).json()["text"] == "Hello Mina"
    canned.refresh_from_db()
    assert canned.used == 0
    assert client.post(address).json()["text"] == "Hello Mina"
    canned.refresh_from_db()
    assert canned.used == 1


def test_a_canned_reply_is_looked_for_by_whatever_is_typed(client, specialist, ticket):
    CannedReply.objects.create(name="Hello", body="Hello")
    found = client.get(url(ticket, "canned"), {"q": "hel\x00lo"}).json()["options"]
    assert [row["name"] for row in found] == ["Hello"]


def test_a_canned_reply_of_somebody_else_does_not_exist(client, specialist, ticket):
    hers = CannedReply.objects.create(name="Hers", body="x", owner=StaffFactory())
    assert client.get(url(ticket, f"canned/{hers.pk}")).status_code == 404


def test_a_macro_is_run_from_the_ticket(client, specialist, ticket):
    macro = Macro.objects.create(name="Log", acts=[{"do": "tag", "tag": "log"}, {"do": "assign", "owner": "me"}])
    assert "Add the tag log · Assign: to who runs it" in page(client, ticket)
    answer = client.post(url(ticket, "macro"), {"macro": macro.pk}, follow=True)
    assert "“Log” is done." in answer.content.decode()
    ticket.refresh_from_db()
    assert (ticket.owner, ticket.tags.get().name) == (specialist, "log")
    assert "Anna Meier, macro “Log”" in answer.content.decode()


def test_a_macro_that_is_pressed_twice_writes_to_the_customer_once(client, specialist, ticket):
    macro = Macro.objects.create(name="Ask", acts=[{"do": "reply", "body": "Which browser?"}])
    other = Macro.objects.create(name="Wait", acts=[{"do": "reply", "body": "Please wait."}])
    key = re.search(r'name="submission" value="([0-9a-f]{32})">\s*<button name="macro"', page(client, ticket))[1]
    for pk in (macro.pk, macro.pk, other.pk):
        client.post(url(ticket, "macro"), {"macro": pk, "submission": key})
    assert replies(ticket) == ["Which browser?", "Please wait."]


@pytest.mark.parametrize("chosen", ["", "x", "999999", "9" * 30])
def test_a_macro_that_is_not_there_changes_nothing(client, specialist, ticket, chosen):
    Macro.objects.create(pk=999999, name="Hers", acts=[{"do": "assign", "owner": None}], owner=StaffFactory())
    answer = client.post(url(ticket, "macro"), {"macro": chosen}, follow=True)
    assert "isn’t there any more. Nothing was changed." in answer.content.decode()
    assert not ticket.events.filter(kind="assigned").exists()


def test_a_macro_that_is_refused_says_why(client, specialist, ticket):
    macro = Macro.objects.create(name="Done", acts=[{"do": "status", "status": "solved"}])
    answer = client.post(url(ticket, "macro"), {"macro": macro.pk}, follow=True)
    assert "“Done” changed nothing: The customer has had no reply yet." in answer.content.decode()


@pytest.mark.parametrize("act", ["draft", "reply", "note"])
def test_a_message_that_cannot_have_been_seen_is_refused_and_breaks_nothing(client, specialist, ticket, act):
    assert send(client, ticket, act=act, seen_message=10**20).status_code == 422
    assert (replies(ticket), Draft.objects.count()) == ([], 0)


def test_files_mentions_and_drafts_cost_the_same_for_many_messages(client, ticket):
    lead = StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD)
    client.force_login(lead)
    colleague = StaffFactory(full_name="Anna Meier")

    def talk(times: int) -> None:
        for number in range(times):
            upload = SimpleUploadedFile("log.txt", b"It broke.")
            file = services.attach_file(ticket=ticket, actor=colleague, upload=upload, now=timezone.now())
            services.add_note(
                ticket=ticket, actor=colleague, body="@Olu Adeyemi", now=timezone.now(), attachments=[file]
            )
            Macro.objects.create(name=f"Macro {number}", acts=[{"do": "assign", "team": TeamFactory().pk}])

    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url(ticket)).status_code == 200
        return len(caught)

    keep(client, ticket)
    talk(1)
    count()
    few = count()
    talk(20)
    assert count() == few
    assert few <= 25
