"""A copy of one's data: whole, one's own only, fetched by oneself only, and gone after a while (SPEC 2.9)."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from helpdesk.notifications.models import OutboxMail
from helpdesk.privacy import exports
from helpdesk.privacy.models import DataExport
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, Message
from tests.at_once import at_once
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def mina():
    return DesignatedFactory(user=UserFactory(full_name="Mina Okafor", email="mina@kestrel.example"))


def made(user, now) -> zipfile.ZipFile:
    exports.ask_export(user=user, now=now)
    assert exports.make_exports(now=now) == 1
    with DataExport.objects.get(user=user).file.open("rb") as kept:
        return zipfile.ZipFile(io.BytesIO(kept.read()))


def part(archive, name):
    return json.loads(archive.read(name))


def test_it_holds_what_is_kept_about_the_person_and_nothing_of_others(mina, now):
    staff = StaffFactory()
    ticket = make_ticket(mina, now=now)
    services.reply(ticket=ticket, actor=staff, body="Have a look now.", now=now)
    services.add_note(ticket=ticket, actor=staff, body="Internally: thin budget.", now=now)
    make_ticket(MembershipFactory(account=mina.account), subject="A colleague's", now=now)
    archive = made(mina.user, now)
    profile = part(archive, "profile.json")
    assert (profile["email"], profile["name"]) == ("mina@kestrel.example", "Mina Okafor")
    assert part(archive, "memberships.json")["accounts"][0]["role"] == "designated"
    (kept,) = part(archive, "tickets.json")
    assert [row["from"] for row in kept["messages"]] == ["me", "reply"]
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"thin budget" not in everything
    assert b"colleague" not in everything
    assert mina.user.password.encode() not in everything


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/abs", "", "日本語.txt", "x" * 200])
def test_files_lie_in_their_folder_whatever_they_are_called(mina, now, name):
    ticket = make_ticket(mina, now=now)
    Attachment.objects.create(
        ticket=ticket,
        message=ticket.messages.get(kind=Message.Kind.CUSTOMER),
        uploaded_by=mina.user,
        name=name,
        content_type="text/plain",
        size=3,
        file=ContentFile(b"abc", name="x"),
        created_at=now,
    )
    (path,) = [one for one in made(mina.user, now).namelist() if one.startswith("files/")]
    assert path.startswith(f"files/{ticket.pk}/")
    assert ".." not in path.split("/")
    assert path.count("/") == 2


def test_a_file_that_is_gone_doesnt_keep_the_rest(mina, now):
    ticket = make_ticket(mina, now=now)
    kept = Attachment.objects.create(
        ticket=ticket,
        message=ticket.messages.get(),
        uploaded_by=mina.user,
        name="log.txt",
        content_type="text/plain",
        size=3,
        file=ContentFile(b"abc", name="x"),
        created_at=now,
    )
    default_storage.delete(kept.file.name)
    assert any(name.endswith(".missing.txt") for name in made(mina.user, now).namelist())


def test_asked_twice_one_is_made_and_told(mina, now):
    exports.ask_export(user=mina.user, now=now)
    exports.ask_export(user=mina.user, now=now)
    assert exports.make_exports(now=now) == 1
    assert exports.make_exports(now=now) == 0
    assert OutboxMail.objects.filter(template="export").count() == 1


def test_it_is_thrown_away_after_seven_days(mina, now, django_capture_on_commit_callbacks):
    made(mina.user, now)
    name = DataExport.objects.get().file.name
    assert default_storage.exists(name)
    with django_capture_on_commit_callbacks(execute=True):
        exports.make_exports(now=now + 7 * DAY)
    assert not default_storage.exists(name)
    assert not DataExport.objects.get().can_be_fetched(now + 7 * DAY)


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one(now):
    mina = DesignatedFactory()
    exports.ask_export(user=mina.user, now=now)
    assert at_once(lambda: exports.make_exports(now=now), lambda: exports.make_exports(now=now)) == []
    assert OutboxMail.objects.filter(template="export").count() == 1


def test_one_that_breaks_off_is_made_by_the_next(mina, now, monkeypatch):
    exports.ask_export(user=mina.user, now=now)
    with monkeypatch.context() as broken:
        broken.setattr(exports, "mail_row", lambda **given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            exports.make_exports(now=now)
    assert DataExport.objects.get().made_at is None
    assert exports.make_exports(now=now) == 1
