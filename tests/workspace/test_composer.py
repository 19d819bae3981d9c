"""The reply box of the ticket's page: drafts, sending and taking back, replies that cross, files, the preview."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, CannedReply, Draft, Macro, Message
from helpdesk.tickets.services import leave_drafts
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
KEY = "0123456789abcdef" * 2
SCRIPT = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def specialist(client):
    person = StaffFactory(full_name="Anna Meier")
    client.force_login(person)
    return person


@pytest.fixture
def ticket():
    member = DesignatedFactory(user=UserFactory(full_name="Mina Okafor", language="ja", time_zone="Asia/Tokyo"))
    return make_ticket(member, now=timezone.now() - 10 * MINUTE)


def url(ticket, act: str = "change") -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/{act}/"


def page(client, ticket) -> str:
    return client.get(url(ticket)).content.decode()


def send(client, ticket, body="We are on it.", *, act="reply", **values):
    return client.post(url(ticket, act), {"kind": act, "body": body, "submission": KEY, **values})


def keep(client, ticket, body="Half a sentence", **values):
    return client.post(url(ticket, "draft"), {"kind": "reply", "body": body, **values}, **SCRIPT)


def replies(ticket) -> list[str]:
    return list(ticket.messages.filter(kind="reply").values_list("body", flat=True))


# --- Drafts ---------------------------------------------------------------------------------------


def test_what_is_typed_is_there_again_on_another_machine(client, specialist, ticket):
    answer = keep(client, ticket, kind="note").json()
    assert answer["words"].startswith("Draft saved ")
    elsewhere = Client()
    elsewhere.force_login(specialist)
    shown = page(elsewhere, ticket)
    assert "\nHalf a sentence</textarea>" in shown
    assert 'value="note" id="kind-note" checked' in shown
    assert f'name="saved_at" value="{answer["saved_at"]}"' in shown
    colleague = Client()
    colleague.force_login(StaffFactory())
    assert "Half a sentence" not in page(colleague, ticket)


def test_a_draft_changed_elsewhere_is_shown_before_it_is_written_over(client, specialist, ticket):
    known = keep(client, ticket, "From the office").json()["saved_at"]
    keep(client, ticket, "From the train", saved_at=known)
    answer = keep(client, ticket, "From home", saved_at=known)
    assert answer.status_code == 409
    assert "From the train" in answer.json()["stale"]
    assert Draft.objects.get().body == "From the train"
    assert keep(client, ticket, "From home", saved_at=known, overwrite="1").status_code == 200
    assert Draft.objects.get().body == "From home"


def test_without_a_script_a_button_keeps_the_draft(client, specialist, ticket):
    data = {"kind": "reply", "body": "By hand", "files": SimpleUploadedFile("log.txt", b"It broke.")}
    assert client.post(url(ticket, "draft"), data).status_code == 302
    shown = page(client, ticket)
    assert "By hand</textarea>" in shown
    assert "log.txt" in shown
    answer = client.post(url(ticket, "draft"), {"kind": "reply", "body": "Another text"})
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "Another text</textarea>" in shown
    assert "You changed this draft on another screen" in shown
    assert "By hand" in shown


def test_sending_ends_the_draft_and_discarding_too(client, specialist, ticket):
    keep(client, ticket)
    send(client, ticket)
    assert not Draft.objects.exists()
    keep(client, ticket)
    assert client.post(url(ticket, "draft/discard")).status_code == 302
    assert not Draft.objects.exists()
    assert replies(ticket) == ["We are on it."]


# --- Taking back ----------------------------------------------------------------------------------


@pytest.fixture
def undoable(settings):
    settings.REPLY_UNDO_SECONDS = 10


@pytest.mark.usefixtures("undoable")
def test_a_reply_can_be_taken_back_while_it_is_on_its_way(client, specialist, ticket):
    assert send(client, ticket, status="waiting").status_code == 302
    shown = page(client, ticket)
    assert "Your reply is sent. It leaves" in shown
    assert "on its way" in shown
    assert "\n</textarea>" in shown  # the box is free for the next text
    assert replies(ticket) == []
    assert "It was not sent. The text is back" in client.post(url(ticket, "undo"), follow=True).content.decode()
    shown = page(client, ticket)
    assert "We are on it.</textarea>" in shown
    assert "on its way" not in shown
    assert leave_drafts(now=timezone.now() + MINUTE)["left"] == 0


@pytest.mark.usefixtures("undoable")
def test_when_it_has_left_undo_says_so(client, specialist, ticket):
    send(client, ticket)
    leave_drafts(now=timezone.now() + MINUTE)
    assert "has left already" in client.post(url(ticket, "undo"), follow=True).content.decode()
    assert replies(ticket) == ["We are on it."]


@pytest.mark.usefixtures("undoable")
def test_a_colleague_sees_that_a_reply_is_on_its_way_but_not_what_it_says(client, specialist, ticket):
    send(client, ticket, "Not said yet")
    colleague = Client()
    colleague.force_login(StaffFactory())
    shown = page(colleague, ticket)
    assert "Anna Meier has sent a reply to the customer; it leaves at" in shown
    assert "Not said yet" not in shown


@pytest.mark.usefixtures("undoable")
def test_less_than_a_minute_before_the_deadline_it_leaves_at_once_and_the_page_says_so(client, specialist):
    ticket = make_ticket(now=timezone.now() - 59.5 * MINUTE)
    answer = client.post(url(ticket, "reply"), {"kind": "reply", "body": "In time", "submission": KEY}, follow=True)
    assert "It left at once: less than a minute was left" in answer.content.decode()
    assert replies(ticket) == ["In time"]
    assert ticket.clocks.get(metric="first_response").is_met


@pytest.mark.usefixtures("undoable")
def test_a_text_that_could_not_leave_is_shown_with_the_reason_even_where_nothing_can_be_said(client, specialist):
    ticket = make_ticket(now=timezone.now() - 10 * MINUTE)
    send(client, ticket, "All that work")
    services.mark_spam(ticket=ticket, actor=specialist, reason="Spam", now=timezone.now())
    leave_drafts(now=timezone.now() + MINUTE)
    shown = page(client, ticket)
    assert "What you sent did not leave." in shown
    assert "This ticket is not worked on any more." in shown
    assert "All that work</textarea>" in shown


@pytest.mark.usefixtures("undoable")
def test_while_one_is_on_its_way_the_next_draft_waits(client, specialist, ticket):
    send(client, ticket)
    answer = keep(client, ticket, "And another thing")
    assert (answer.status_code, answer.json()["again"]) == (409, True)
    assert Draft.objects.get().body == "We are on it."


# --- Replies that cross ---------------------------------------------------------------------------


def test_what_came_in_is_shown_and_nothing_is_sent_until_one_says_so_again(client, specialist, ticket):
    seen = ticket.messages.get().pk
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="We found it.", now=timezone.now())
    answer = send(client, ticket, status="open", seen_message=seen)
    assert answer.status_code == 409
    shown = answer.content.decode()
    for text in ("A message came in while you wrote.", "We found it.", "We are on it.</textarea>", "Send anyway"):
        assert text in shown
    assert '<button class="btn btn--go" type="submit" name="status" value="open">' in shown
    assert replies(ticket) == []
    assert Draft.objects.get().body == "We are on it."
    last = ticket.messages.order_by("pk").last().pk
    assert f'name="seen_message" value="{last}"' in shown
    assert send(client, ticket, status="open", seen_message=last).status_code == 302
    assert replies(ticket) == ["We are on it."]


def test_the_page_names_the_last_message_that_it_shows(client, specialist, ticket):
    note = services.add_note(ticket=ticket, actor=StaffFactory(), body="Note", now=timezone.now())
    assert f'name="seen_message" value="{note.pk}"' in page(client, ticket)


# --- Files ----------------------------------------------------------------------------------------


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


# --- Preview, mentions, canned replies, macros ------------------------------------------------------


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


# --- Queries --------------------------------------------------------------------------------------


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


class TestAlsoToTheIncident:
    @pytest.fixture
    def parts(self, ticket, specialist):
        parts = [make_ticket(now=timezone.now()) for _ in range(2)]
        for part in parts:
            services.join_incident(ticket=part, incident=ticket, actor=specialist, now=timezone.now())
        return parts

    def test_offered_on_an_incident_alone(self, client, specialist, ticket):
        assert 'name="also"' not in page(client, ticket)

    def test_each_ticket_gets_it_and_each_clock_is_answered(self, client, specialist, ticket, parts):
        assert "Also to the 2 tickets of this incident" in page(client, ticket)
        also = ",".join(str(part.pk) for part in parts)
        answer = send(client, ticket, also=also, status="waiting")
        assert "Sent on 3 tickets" in answer.content.decode()
        for one in (ticket, *parts):
            assert [message.body for message in one.messages.filter(kind="reply")] == ["We are on it."]
            assert one.clocks.get().is_met
        assert not Draft.objects.exists()  # it left at once: nothing waits to be taken back

    def test_pressed_twice_nobody_hears_it_twice(self, client, specialist, ticket, parts):
        also = ",".join(str(part.pk) for part in parts)
        for _ in range(2):
            send(client, ticket, also=also, status="open")
        assert Message.objects.filter(kind="reply").count() == 3

    def test_only_to_those_that_were_offered_and_are_still_part_of_it(self, client, specialist, ticket, parts):
        later, stranger = make_ticket(now=timezone.now()), make_ticket(now=timezone.now())
        services.join_incident(ticket=later, incident=ticket, actor=specialist, now=timezone.now())
        services.leave_incident(ticket=parts[0], actor=specialist, now=timezone.now())
        send(client, ticket, also=f"{parts[0].pk},{parts[1].pk},{stranger.pk},x,{10**30}", status="open")
        heard = Message.objects.filter(kind="reply").values_list("ticket", flat=True)
        assert set(heard) == {ticket.pk, parts[1].pk}

    def test_nothing_goes_anywhere_when_it_crossed_another(self, client, specialist, ticket, parts):
        seen = ticket.messages.latest("pk").pk
        services.customer_reply(ticket=ticket, actor=ticket.requester, body="More.", now=timezone.now())
        answer = send(client, ticket, also=str(parts[0].pk), status="open", seen_message=seen)
        assert answer.status_code == 409
        assert "checked" in answer.content.decode().split('name="also"')[1].split(">")[0]
        assert not Message.objects.filter(kind="reply").exists()

    def test_a_note_stays_on_the_incident(self, client, specialist, ticket, parts):
        send(client, ticket, act="note", also=str(parts[0].pk))
        assert Message.objects.filter(kind="note").count() == 1
