"""A copy of one's data: whole, one's own only, fetched by oneself only, and gone after a while (SPEC 2.9)."""

import io
import json
import zipfile
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.accounts import people
from helpdesk.channels.callback import services as calls
from helpdesk.escalation.manager_requests import answer_request, ask_manager
from helpdesk.knowledge import services as knowledge
from helpdesk.notifications.models import OutboxMail
from helpdesk.privacy import exports
from helpdesk.privacy.models import DataExport
from helpdesk.subscriptions.entitlement import entitlements
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


def test_one_that_breaks_off_is_made_by_the_next_and_holds_up_nobody_elses(mina, now, monkeypatch):
    other, old = MembershipFactory(account=mina.account).user, MembershipFactory(account=mina.account).user
    made(old, now - 8 * DAY)
    exports.ask_export(user=mina.user, now=now)
    exports.ask_export(user=other, now=now)
    write = exports._write
    with monkeypatch.context() as broken:
        broken.setattr(
            exports, "_write", lambda file, user, now: 1 / 0 if user == mina.user else write(file, user, now=now)
        )
        assert exports.make_exports(now=now) == 1
    assert DataExport.objects.get(user=mina.user).made_at is None
    assert DataExport.objects.get(user=other).made_at == now
    assert DataExport.objects.get(user=old).cleared_at == now
    assert exports.make_exports(now=now) == 1


def test_a_copy_without_a_row_is_deleted_once_it_is_a_day_old(mina, now):
    made(mina.user, now)
    kept = DataExport.objects.get().file.name
    orphan = default_storage.save("exports/" + "0" * 40, ContentFile(b"x"))
    written = default_storage.get_modified_time(orphan)
    exports.clear_orphans(now=written + DAY)
    assert default_storage.exists(orphan)
    exports.clear_orphans(now=written + DAY + timedelta(seconds=1))
    assert not default_storage.exists(orphan)
    exports.clear_orphans(now=written + 400 * DAY)
    assert default_storage.exists(kept)


def test_of_an_account_that_was_left_it_holds_ones_own_words_only(mina, now):
    leaving = MembershipFactory(account=mina.account)
    ticket = make_ticket(leaving, body="It is blank for me.", subject="Of the account", now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Have a look now.", now=now)
    ask_manager(ticket=ticket, actor=leaving.user, reason="Nobody helps.", now=now)
    answer_request(
        request=ticket.manager_requests.get(),
        actor=StaffFactory(staff_role="manager"),
        answer="We look into it.",
        now=now,
    )
    staying = made(leaving.user, now)
    assert part(staying, "tickets.json")[0]["subject"] == "Of the account"
    assert part(staying, "requests_to_managers.json")[0]["answer"] == "We look into it."
    DataExport.objects.all().delete()
    people.remove(membership=leaving, actor=mina.user, now=now)
    archive = made(leaving.user, now)
    message = {"at": "2026-11-24T12:05:00Z", "from": "me", "text": "It is blank for me."}
    assert part(archive, "tickets.json") == [{"reference": ticket.reference, "messages": [message]}]
    (asked,) = part(archive, "requests_to_managers.json")
    assert (asked["reason"], "answer" in asked) == ("Nobody helps.", False)
    everything = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Have a look" not in everything
    assert b"Of the account" not in everything


@pytest.mark.parametrize(("scan", "is_there"), [("", True), ("clean", True), ("waiting", False), ("infected", False)])
def test_a_file_that_nobody_may_fetch_is_left_out(mina, now, scan, is_there):
    ticket = make_ticket(mina, now=now)
    Attachment.objects.create(
        ticket=ticket,
        message=ticket.messages.get(),
        uploaded_by=mina.user,
        name="log.txt",
        content_type="text/plain",
        size=3,
        file=ContentFile(b"abc", name="x"),
        created_at=now,
        scan=scan,
    )
    assert any(name.startswith("files/") for name in made(mina.user, now).namelist()) == is_there


def test_it_holds_what_else_the_person_did(mina, now):
    ticket, staff = make_ticket(mina, now=now), StaffFactory()
    services.reply(ticket=ticket, actor=staff, body="Have a look now.", status="solved", now=now)
    services.rate(ticket=ticket, actor=mina.user, score=4, comment="Well done.", now=now)
    services.keep_form(user=mina.user, account=mina.account, key="F" * 22, values={"body": "Half a"}, now=now)
    services.attach_file(
        ticket=None, actor=mina.user, upload=SimpleUploadedFile("log.txt", b"x"), form_key="F" * 22, now=now
    )
    knowledge.ask(key="Q" * 22, question="Why is it blank?", hub="", language="en", user=mina.user, now=now)
    call = {"key": "A" * 22, "subject": "Forms", "body": "x", "number": "+4930901820", "time_zone": "UTC"}
    entitled = entitlements(account=mina.account, now=now)[0]
    calls.ask(new=calls.NewCall(membership=mina, entitlement=entitled, **call), now=now)
    people.invite(
        account=mina.account,
        actor=mina.user,
        email="ben@kestrel.example",
        role="user",
        is_designated=False,
        language="en",
        now=now,
    )
    archive = made(mina.user, now)
    assert [(row["score"], row["comment"]) for row in part(archive, "ratings.json")] == [(4, "Well done.")]
    (draft,) = part(archive, "drafts.json")
    assert (draft["content"], draft["files"]) == ({"body": "Half a"}, ["log.txt"])
    assert [row["question"] for row in part(archive, "questions.json")] == ["Why is it blank?"]
    (call,) = part(archive, "calls.json")
    assert (call["number"], call["window"], call["outcome"]) == ("+4930901820", [None, None], "waiting")
    about = part(archive, "memberships.json")
    assert [(row["address"], row["by"]) for row in about["invitations"]] == [("ben@kestrel.example", "me")]
    assert [(row["what"], row["by"], row["whom"]) for row in about["changes"]] == [("invited", "me", "another")]
