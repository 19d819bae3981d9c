"""Files in the customer's forms: put up before sending, nobody else's, sent once, never more than there is room for."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.urls import reverse

from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.tickets.models import Attachment, Scan, Ticket
from tests.factories import StaffFactory, make_ticket

NEW, UP = "/tickets/new/", "/tickets/new/files/"
KEY = "A" * 22


def upload(name="log.txt", content=b"It broke."):
    return SimpleUploadedFile(name, content)


@pytest.fixture
def mina(kestrel, sign_in, frozen):
    return sign_in(kestrel.mina)


def test_a_file_put_up_beforehand_goes_with_the_ticket(mina, kestrel, filled, client):
    answer = mina.post(UP, {"key": KEY, "files": [upload("エラー.log"), upload("a.csv", b"a;b")]}).json()
    assert answer["errors"] == []
    assert [piece["html"].count("uploaded") for piece in answer["files"]] == [1, 1]
    assert set(Attachment.objects.values_list("ticket", "message")) == {(None, None)}
    page = mina.post(NEW, filled(), follow=True)
    ticket = Ticket.objects.get()
    files = list(ticket.messages.get().attachments.order_by("id"))
    assert [(file.name, file.content_type, file.ticket) for file in files] == [
        ("エラー.log", "text/plain", ticket),
        ("a.csv", "text/csv", ticket),
    ]
    assert f'href="/tickets/{ticket.pk}/files/{files[0].pk}/" download>エラー.log</a>' in page.text
    mail = render(OutboxMail.objects.get(template="acknowledgement"))
    assert "Files: エラー.log, a.csv" in mail.body
    client.force_login(StaffFactory())
    assert "エラー.log" in client.get(reverse("admin:helpdesk_ticket_change", args=[ticket.pk])).text


def test_without_script_files_are_sent_with_the_form_and_outlive_a_mistake(mina, filled):
    page = mina.post(NEW, filled(subject="", files=[upload(), upload("fix.exe", b"MZ\x90\x00")]))
    assert page.context["form"].errors["files"] == [
        "fix.exe is a program, which is not taken. Send its log or a picture instead."
    ]
    assert page.context["form"].errors["subject"] == ["Say in a few words what it is about."]
    assert "log.txt" in page.text
    assert not Ticket.objects.exists()
    mina.post(NEW, filled())
    assert [file.name for file in Ticket.objects.get().messages.get().attachments.all()] == ["log.txt"]


def test_without_script_a_file_is_taken_off_and_what_is_typed_stays(mina, filled, django_capture_on_commit_callbacks):
    mina.post(UP, {"key": KEY, "files": [upload(), upload("b.txt", b"b")]})
    first = Attachment.objects.first()
    with django_capture_on_commit_callbacks(execute=True):
        page = mina.post(NEW, filled(remove=first.pk, subject=""))
    assert page.context["form"].errors == {}
    assert "Since 13:40 every form is blank." in page.text
    assert [file.name for file in page.context["desk"].files] == ["b.txt"]
    assert not first.file.storage.exists(first.file.name)
    for odd in ("", "x", "-1", "9" * 40, "\x00", "²"):
        assert mina.post(NEW, filled(remove=odd)).status_code == 200
    assert Attachment.objects.count() == 1


def test_the_same_form_sent_twice_with_its_file_makes_one_of_each(mina, filled):
    assert mina.post(NEW, filled(files=[upload()])).status_code == 302
    assert mina.post(NEW, filled(files=[upload()])).status_code == 302
    assert Ticket.objects.count() == Attachment.objects.count() == 1
    page = mina.post(NEW, filled(files=[upload("another.txt", b"more")]))
    assert "An earlier text was sent with this form already." in page.text
    assert [file.name for file in page.context["desk"].files] == ["another.txt"]
    mina.post(NEW, filled(key=page.context["form"]["key"].value()))
    assert Ticket.objects.latest("pk").messages.get().attachments.get().name == "another.txt"


@pytest.mark.django_db(transaction=True)
def test_two_sends_at_the_same_instant_bring_each_file_once(kestrel, sign_in, filled):
    clients = [sign_in(kestrel.mina) for _ in range(3)]
    together = Barrier(3)

    def send(client):
        together.wait()
        try:
            return client.post(NEW, filled(files=[upload(), upload("b.txt", b"b")])).url
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        addresses = set(pool.map(send, clients))
    ticket = Ticket.objects.get()
    assert addresses == {f"/tickets/{ticket.pk}/"}
    assert sorted(Attachment.objects.values_list("name", "message__ticket")) == [
        ("b.txt", ticket.pk),
        ("log.txt", ticket.pk),
    ]


def test_nobody_else_can_claim_see_or_remove_a_waiting_file(mina, kestrel, sign_in, filled):
    mina.post(UP, {"key": KEY, "files": [upload("secret.txt")]})
    file = Attachment.objects.get()
    for other in (kestrel.tomas, kestrel.aoife):
        client = sign_in(other)
        client.post(NEW, filled())
        client.post(NEW, filled(key="B" * 22, remove=file.pk))
        assert client.post(f"/tickets/files/{file.pk}/remove/").status_code == 404
        assert "secret.txt" not in client.post(NEW, filled(subject="")).text
        mine = make_ticket(other)
        assert client.get(f"/tickets/{mine.pk}/files/{file.pk}/").status_code == 404
        client.post(f"/tickets/{mine.pk}/", {"key": KEY, "body": "Mine now"})
    file.refresh_from_db()
    assert (file.message, file.ticket) == (None, None)
    assert mina.post(f"/tickets/files/{file.pk}/remove/").status_code == 200


def test_a_file_of_one_form_does_not_go_with_another(mina, kestrel, filled):
    ticket = make_ticket(kestrel.mina)
    mina.post(UP, {"key": KEY, "files": [upload("for-the-ticket.txt")]})
    mina.post(f"/tickets/{ticket.pk}/files/", {"key": "B" * 22, "files": [upload("for-the-reply.txt")]})
    mina.post(f"/tickets/{ticket.pk}/", {"key": KEY, "body": "Text"})
    mina.post(NEW, filled(key="B" * 22))
    assert set(Attachment.objects.values_list("name", "message")) == {
        ("for-the-ticket.txt", None),
        ("for-the-reply.txt", None),
    }


def test_a_reply_takes_its_files_and_staff_do_not_see_them_before(mina, kestrel):
    ticket = make_ticket(kestrel.mina)
    url = f"/tickets/{ticket.pk}/"
    mina.post(f"{url}files/", {"key": KEY, "files": [upload()]})
    assert mina.post(url, {"key": KEY, "body": "See the log", "files": [upload("b.txt", b"b")]}).status_code == 302
    assert mina.post(url, {"key": KEY, "body": "See the log", "files": [upload("b.txt", b"b")]}).status_code == 302
    assert [file.name for file in ticket.messages.last().attachments.all()] == ["log.txt", "b.txt"]
    assert ticket.messages.count() == 2
    page = mina.post(url, {"key": KEY, "body": "See the log", "files": [upload("c.txt", b"c")]})
    assert "An earlier text was sent with this form already." in page.text
    assert [file.name for file in page.context["desk"].files] == ["c.txt"]


def test_a_file_for_a_ticket_of_another_account_is_not_taken(mina):
    assert mina.post(f"/tickets/{make_ticket().pk}/files/", {"key": KEY, "files": [upload()]}).status_code == 404
    assert not Attachment.objects.exists()


def test_there_is_an_end_to_how_many_files_wait_and_how_large_they_are(mina, settings):
    settings.ATTACHMENTS_PER_MESSAGE, settings.ATTACHMENT_MAX_BYTES, settings.ATTACHMENTS_WAITING_BYTES = 2, 30, 40

    def put(key, *files):
        return mina.post(UP, {"key": key, "files": [upload(*file) for file in files]}).json()["errors"]

    assert put(KEY, ("large.txt", b"x" * 31)) == [
        "large.txt is larger than 30\xa0bytes. Make it smaller, or send it in parts."
    ]
    assert put(KEY, ("a.txt", b"a" * 15), ("b.txt", b"b"), ("c.txt", b"c")) == [
        "A message takes 2 files. c.txt was left out."
    ]
    assert put("B" * 22, ("d.txt", b"d" * 24)) == []
    assert put("C" * 22, ("e.txt", b"e")) == [
        "e.txt was left out: your unsent forms hold 40\xa0bytes of files. Send or discard one first."
    ]
    assert Attachment.objects.count() == 3


def test_a_forged_key_takes_no_file(mina):
    for key in ("", "x", "A" * 23, "../" * 7 + "A", "A" * 21 + "\x00"):
        answer = mina.post(UP, {"key": key, "files": [upload()]})
        assert (answer.status_code, answer.json()["errors"]) == (422, ["Not taken: load the page again."])
    assert not Attachment.objects.exists()


def test_a_form_whose_key_was_none_keeps_the_files_that_came_with_it(mina, filled):
    page = mina.post(NEW, filled(key="forged", files=[upload()]))
    assert [file.name for file in page.context["desk"].files] == ["log.txt"]
    mina.post(NEW, filled(key=page.context["form"]["key"].value()))
    assert Ticket.objects.get().messages.get().attachments.count() == 1


def test_a_virus_found_after_it_was_put_up_stops_the_sending_and_is_said(mina, filled):
    mina.post(UP, {"key": KEY, "files": [upload()]})
    Attachment.objects.update(scan=Scan.INFECTED, threat="Eicar")
    page = mina.post(NEW, filled())
    assert page.context["form"].errors["files"] == [
        "log.txt was taken off: it holds a virus (Eicar). Send another copy."
    ]
    assert mina.post(NEW, filled()).status_code == 302
    assert not Attachment.objects.exists()


@pytest.mark.parametrize("count", [1, 15])
def test_the_number_of_queries_does_not_depend_on_the_files(count, mina, kestrel, filled, django_assert_num_queries):
    mina.post(UP, {"key": KEY, "files": [upload(f"{n}.txt", b"%d" % n) for n in range(count)]})
    mina.post("/tickets/new/draft/", filled())
    with django_assert_num_queries(10):
        assert mina.get(NEW).text.count("data-file=") == count
