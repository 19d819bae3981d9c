"""Files and the virus scanner: what is found is refused, what could not be scanned is held, and nothing is lost."""

import logging

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.notifications.models import Heartbeat, OutboxMail
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, Scan
from helpdesk.tickets.services import Refused, scan_held_files
from tests.clamd_server import clamd
from tests.factories import DesignatedFactory, StaffFactory, make_ticket
from tests.tickets.scenes import at

pytestmark = pytest.mark.django_db
GONE = "tcp://127.0.0.1:1"


@pytest.fixture
def scanner(settings):
    with clamd() as (url, seen):
        settings.CLAMD_URL = url
        yield seen


def attach(ticket, actor, name="log.txt", content=b"It broke.", **more):
    upload = SimpleUploadedFile(name, content)
    return services.attach_file(ticket=ticket, actor=actor, upload=upload, now=at(1), **more)


def test_a_clean_file_is_taken_and_said_to_be_clean(scanner):
    file = attach(make_ticket(), StaffFactory())
    assert (file.scan, file.scanned_at) == (Scan.CLEAN, at(1))
    assert scanner == [(9, 1)]


def test_a_virus_is_refused_and_nothing_of_it_is_stored(scanner, tmp_path, caplog):
    writer = StaffFactory()
    with caplog.at_level(logging.WARNING), pytest.raises(Refused) as refused:
        attach(make_ticket(), writer, content=b"EICAR")
    assert str(refused.value) == ("log.txt was not taken: it holds a virus (Eicar-Test-Signature). Send another copy.")
    assert not Attachment.objects.exists()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert f"virus in an upload of user {writer.pk}: Eicar-Test-Signature" in caplog.text


def test_without_a_scanner_files_are_taken_and_operators_see_that_there_is_none():
    assert attach(make_ticket(), StaffFactory()).scan == Scan.NONE
    scan_held_files(now=at(2))
    assert Heartbeat.objects.get(name="virus-scan").detail == {
        "scanner": "not set up",
        "clean": 0,
        "infected": 0,
        "waiting": 0,
    }


def test_while_it_is_out_of_reach_a_file_is_held_and_scanned_later(
    settings, client, django_capture_on_commit_callbacks
):
    settings.CLAMD_URL = GONE
    person = DesignatedFactory()
    ticket = make_ticket(person)
    good = attach(ticket, person.user, form_key="k" * 22)
    bad = attach(ticket, person.user, name="bad.txt", content=b"EICAR", form_key="k" * 22)
    services.customer_reply(ticket=ticket, actor=person.user, body="See", now=at(2), attachments=[good, bad])
    assert scan_held_files(now=at(3)) == {"clean": 0, "infected": 0, "waiting": 2}
    assert "Connection refused" in Heartbeat.objects.get(name="virus-scan").detail["scanner"]

    def codes(who, base):
        client.force_login(who)
        return [client.get(f"{base}{ticket.pk}/files/{file.pk}/").status_code for file in (good, bad)]

    places = [(person.user, "/tickets/"), (StaffFactory(), "/admin/helpdesk/ticket/")]
    assert [codes(*place) for place in places] == [[409, 409], [409, 409]]
    with clamd() as (url, _seen):
        settings.CLAMD_URL = url
        with django_capture_on_commit_callbacks(execute=True):
            assert scan_held_files(now=at(4)) == {"clean": 1, "infected": 1, "waiting": 0}
    assert [codes(*place) for place in places] == [[200, 410], [200, 410]]
    assert not bad.file.storage.exists(bad.file.name)
    bad.refresh_from_db()
    assert (bad.threat, bad.scanned_at) == ("Eicar-Test-Signature", at(4))
    client.force_login(person.user)
    assert "held a virus and was deleted" in client.get(f"/tickets/{ticket.pk}/").text


def test_a_scanner_taken_out_of_the_settings_holds_nothing_back(settings):
    settings.CLAMD_URL = GONE
    file = attach(make_ticket(), StaffFactory())
    settings.CLAMD_URL = ""
    scan_held_files(now=at(2))
    file.refresh_from_db()
    assert file.scan == Scan.NONE


def test_a_mail_carries_no_file_that_nobody_has_scanned(settings):
    settings.CLAMD_URL = GONE
    ticket, writer = make_ticket(), StaffFactory()
    file = attach(ticket, writer)
    services.reply(ticket=ticket, actor=writer, body="See", now=at(2), attachments=[file])
    context = OutboxMail.objects.get(template="reply").context
    assert "attachments" not in context
    assert [link["name"] for link in context["links"]] == ["log.txt"]


def test_a_ticket_that_is_split_takes_no_file_past_the_scanner(settings, client, django_capture_on_commit_callbacks):
    """The copy is held, judged and refused as its original is: it is the same file."""
    settings.CLAMD_URL = GONE
    person, writer = DesignatedFactory(), StaffFactory()
    ticket = make_ticket(person)
    bad = attach(ticket, person.user, name="bad.txt", content=b"EICAR", form_key="k" * 22)
    said = services.customer_reply(ticket=ticket, actor=person.user, body="See", now=at(2), attachments=[bad])
    new = services.split(ticket=ticket, messages=[said.pk], subject="Another matter", actor=writer, now=at(3))
    copy = new.attachments.get()
    client.force_login(person.user)
    assert client.get(f"/tickets/{new.pk}/files/{copy.pk}/").status_code == 409
    with clamd() as (url, _seen):
        settings.CLAMD_URL = url
        with django_capture_on_commit_callbacks(execute=True):
            assert scan_held_files(now=at(4)) == {"clean": 0, "infected": 1, "waiting": 0}
    assert client.get(f"/tickets/{new.pk}/files/{copy.pk}/").status_code == 410
    later = services.split(ticket=ticket, messages=[said.pk], subject="A third", actor=writer, now=at(5))
    assert later.attachments.get().threat == "Eicar-Test-Signature"
