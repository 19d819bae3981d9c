"""Files of messages: judged by their content, limited, mailed as far as a mail carries them, cleared when abandoned."""

import io
import zipfile
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.tickets import services
from helpdesk.tickets.file_kinds import Executable, clean_name, kind_of
from helpdesk.tickets.models import Attachment
from helpdesk.tickets.services import Refused, Typed, clear_abandoned_files, save_draft
from tests.factories import StaffFactory, make_ticket
from tests.tickets.scenes import OPENED, at

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


def package(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("picture.png", PNG, "image/png"),
        ("invoice.pdf", PNG, "image/png"),  # the content says what it is
        ("a.jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("a.pdf", b"%PDF-1.7", "application/pdf"),
        ("a.webp", b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        ("a.mp4", b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        ("a.zip", package("a.txt"), "application/zip"),
        (
            "a.docx",
            package("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("broken.zip", b"PK\x03\x04 and no more", "application/zip"),
        ("rows.csv", "Größe;1".encode(), "text/csv"),
        ("page.html", b"<script>alert(1)</script>", "text/plain"),
        ("日本語.log", "エラー".encode("cp932"), "text/plain"),
        ("note.txt", b"MZ is how it begins", "text/plain"),
        ("dump.bin", b"\x00\x01\x02\xff", "application/octet-stream"),
    ],
)
def test_a_file_is_what_its_content_says(name, content, kind):
    assert kind_of(name, content) == kind


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("picture.png", b"MZ\x90\x00\x03\x00"),
        ("readme", b"\x7fELF\x02\x01"),
        ("app", b"\xcf\xfa\xed\xfe\x07"),
        ("notes.txt", b"#!/bin/sh\nrm -rf /"),
        ("Invoice.PDF.exe", b"harmless"),
        ("macro.VBS", b"harmless"),
        ("setup.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ],
)
def test_programs_are_refused_whatever_they_are_called(name, content):
    with pytest.raises(Executable):
        kind_of(name, content)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\Mina\\log.txt", "log.txt"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("", "file"),
        ("...", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_name_is_only_a_name(name, clean):
    assert clean_name(name) == clean


# --- In the database ------------------------------------------------------------------------------


@pytest.fixture
def ticket(db):
    return make_ticket(now=OPENED)


@pytest.fixture
def writer(db):
    return StaffFactory(full_name="Anna Meier")


def attach(ticket, actor, *, name="log.txt", content=b"It broke.", minutes=1.0) -> Attachment:
    upload = SimpleUploadedFile(name, content)
    return services.attach_file(ticket=ticket, actor=actor, upload=upload, now=at(minutes))


def test_a_file_is_kept_under_a_name_that_nobody_guesses(ticket, writer):
    file = attach(ticket, writer, name="Wages of everybody.txt")
    assert (file.name, file.size, file.content_type) == ("Wages of everybody.txt", 9, "text/plain")
    assert "Wages" not in file.file.name
    assert file.file.read() == b"It broke."


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("big.log", b"x" * 101, "larger than 100"),
        ("empty.log", b"", "empty"),
        ("setup.exe", b"MZ\x00", "is a program"),
    ],
)
def test_what_is_not_taken_is_said_with_its_name(ticket, writer, settings, name, content, said):
    settings.ATTACHMENT_MAX_BYTES = 100
    with pytest.raises(Refused, match=said) as refused:
        attach(ticket, writer, name=name, content=content)
    assert name in str(refused.value)
    assert not Attachment.objects.exists()


def test_a_message_takes_so_many_files_and_no_more(ticket, writer, settings):
    settings.ATTACHMENTS_PER_MESSAGE = 2
    for _file in range(2):
        attach(ticket, writer)
    with pytest.raises(Refused, match="takes 2 files"):
        attach(ticket, writer)
    attach(ticket, StaffFactory())  # somebody else's draft


def test_only_ones_own_file_that_was_not_sent_is_taken_off(ticket, writer):
    sent, mine = attach(ticket, writer), attach(ticket, writer)
    services.add_note(ticket=ticket, actor=writer, body="See", now=at(2), attachments=[sent])
    stranger = StaffFactory()
    assert not services.remove_file(ticket=ticket, actor=stranger, file_id=mine.pk)
    assert not services.remove_file(ticket=ticket, actor=writer, file_id=sent.pk)
    assert services.remove_file(ticket=ticket, actor=writer, file_id=mine.pk)
    assert list(Attachment.objects.all()) == [sent]


def test_the_reply_carries_its_files_and_links_those_that_are_too_large(ticket, writer, settings):
    settings.MAIL_ATTACHMENTS_BYTES = 20
    files = [
        attach(ticket, writer, name="日本語.txt", content=b"small one"),
        attach(ticket, writer, name="large.txt", content=b"x" * 12),
        attach(ticket, writer, name="fits.bin", content=b"\x00small"),
    ]
    services.reply(ticket=ticket, actor=writer, body="See the files.", now=at(2), attachments=files)
    mail = render(OutboxMail.objects.get(template="reply"))
    assert [(file[0], file[2]) for file in mail.attachments] == [
        ("日本語.txt", "text/plain"),
        ("fits.bin", "application/octet-stream"),
    ]
    html = mail.alternatives[0][0]
    url = f"/tickets/{ticket.pk}/files/{files[1].pk}/"
    for text in (mail.body, html):
        assert url in text
        assert "日本語.txt" in text
    assert b"small one" in mail.message().as_bytes() or b"c21hbGwgb25l" in mail.message().as_bytes()


def test_files_that_nobody_sent_are_cleared_away_after_a_week(ticket, writer, django_capture_on_commit_callbacks):
    week = 7 * 24 * 60
    old, sent = attach(ticket, writer, minutes=0), attach(ticket, writer, minutes=0)
    services.add_note(ticket=ticket, actor=writer, body="See", now=at(1), attachments=[sent])
    young = attach(ticket, StaffFactory(), minutes=1)
    kept = attach(ticket, StaffFactory(), minutes=0)
    save_draft(ticket=ticket, actor=kept.uploaded_by, typed=Typed(body="Soon"), known=None, now=at(week - 60))
    assert clear_abandoned_files(now=at(week)) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert clear_abandoned_files(now=at(week) + timedelta(seconds=1)) == 1
    assert set(Attachment.objects.all()) == {sent, young, kept}
    assert not old.file.storage.exists(old.file.name)
