"""Erasure: what says who a person was goes, everywhere and whole; what the account was told stays (SPEC 2.9)."""

import json
import time
from datetime import timedelta
from importlib import import_module
from io import StringIO
from threading import Event

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from helpdesk.accounts import people
from helpdesk.accounts.models import Membership, User
from helpdesk.accounts.services import change_profile
from helpdesk.channels.callback import calling
from helpdesk.channels.callback import services as calls
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.escalation.manager_requests import ask_manager
from helpdesk.escalation.sweep import sweep
from helpdesk.knowledge import services as knowledge
from helpdesk.knowledge.deflection import deflection
from helpdesk.knowledge.models import Consultation
from helpdesk.notifications.models import OutboxMail
from helpdesk.privacy import erasure, exports
from helpdesk.privacy.models import DataExport, Erasure
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.tickets.intake import receive_reply
from helpdesk.tickets.models import Attachment, FormDraft, Source, Ticket, TicketEvent
from helpdesk.tickets.services import assign, attach_file, change_copies, keep_form, reply
from tests.at_once import at_once
from tests.factories import PASSWORD, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WAIT = 7 * DAY
NAME, EMAIL, NUMBER = "Zebedee Quillfeather", "zebedee@kestrel.example", "+4930901820"
QUESTION = "Why is my signature missing?"


@pytest.fixture
def boss():
    return DesignatedFactory()


@pytest.fixture
def zeb(boss):
    return MembershipFactory(account=boss.account, user=UserFactory(full_name=NAME, email=EMAIL))


def asked_call(membership, now, **changes) -> CallRequest:
    entitled = entitlements(account=membership.account, now=now)
    values = {"key": "A" * 22, "subject": "Forms", "body": "They are blank.", "number": NUMBER, "time_zone": "UTC"}
    return calls.ask(
        new=calls.NewCall(membership=membership, entitlement=entitled[0], **values | changes), now=now
    ).call


def kept_form(zeb, now) -> Attachment:
    """A form that was not sent, with its file."""
    upload = SimpleUploadedFile("log.txt", b"It broke.")
    file = attach_file(ticket=None, actor=zeb.user, upload=upload, form_key="F" * 22, now=now)
    keep_form(user=zeb.user, account=zeb.account, key="F" * 22, values={"body": f"I am {NAME}"}, now=now)
    return file


def in_the_admin(zeb, boss) -> None:
    """An administrator changes the account's people on its page, which writes their names into its history."""
    client = Client()
    client.force_login(StaffFactory(staff_role="administrator"))
    rows = {"name": zeb.account.name, "time_zone": "UTC", "calendar": ""}
    rows |= {"subscriptions-TOTAL_FORMS": "0", "subscriptions-INITIAL_FORMS": "0"}
    rows |= {"memberships-TOTAL_FORMS": "2", "memberships-INITIAL_FORMS": "2"}
    for number, (row, role) in enumerate([(boss, "super_admin"), (zeb, "super_admin")]):
        rows |= {f"memberships-{number}-id": row.pk, f"memberships-{number}-user": row.user.email}
        rows |= {f"memberships-{number}-role": role}
    assert client.post(f"/admin/helpdesk/account/{zeb.account_id}/change/", rows).status_code == 302


def lived(zeb, boss, now) -> None:
    """Leaves traces wherever the product writes something about a person."""
    ticket, staff = make_ticket(zeb, now=now), StaffFactory(mail_about=["answered", "assigned"])
    Membership.objects.filter(pk=boss.pk).update(mail_all=True)
    assign(ticket=ticket, owner=staff, actor=staff, now=now)
    reply(ticket=ticket, actor=staff, body="Have a look now.", now=now)
    receive_reply(
        source=Source.FORM, external_id="x/1", ticket=ticket, actor=zeb.user, body="Still blank.", now=now + DAY
    )
    sweep(now=now + 2 * DAY)
    other = make_ticket(boss, now=now)
    Ticket.objects.filter(pk=other.pk).update(cc=["x@y.example", EMAIL])
    change_copies(ticket=make_ticket(boss, now=now), actor=boss.user, add=[EMAIL.upper(), "a@b.example"], now=now)
    change_copies(ticket=other, actor=boss.user, remove=[EMAIL], now=now)
    change_copies(ticket=other, actor=boss.user, add=[EMAIL], now=now)
    ask_manager(ticket=ticket, actor=zeb.user, reason="Nobody helps.", now=now + DAY)
    kept_form(zeb, now)
    knowledge.ask(key="Q" * 22, question=QUESTION, hub="", language="en", user=zeb.user, now=now)
    call = asked_call(zeb, now)
    calling.dial(call=call, actor=staff, now=now)
    in_the_admin(zeb, boss)
    Client().post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    Client(headers={"user-agent": "Mozilla/5.0 Firefox/130"}).post(
        "/accounts/login/", {"login": EMAIL, "password": PASSWORD}
    )
    Authenticator.objects.create(user=zeb.user, type="totp", data={"secret": "x"})
    change_profile(
        user=zeb.user, full_name=NAME, language="ja", time_zone="Asia/Tokyo", mail_copies=True, membership=None
    )
    people.change_role(membership=zeb, actor=boss.user, role="user", is_designated=False, now=now)
    exports.ask_export(user=zeb.user, now=now)
    exports.make_exports(now=now)
    OutboxMail.objects.filter(template="export").update(state="sent", sent_at=now)


def everything() -> str:
    """Every row of every table, as text."""
    out = StringIO()
    call_command("dumpdata", stdout=out)
    return out.getvalue()


def test_no_table_names_the_person_any_more(zeb, boss, now):
    lived(zeb, boss, now)
    before = everything()
    assert all(text in before for text in (NAME, EMAIL, NUMBER, QUESTION, "log.txt"))
    assert LogEntry.objects.filter(change_message__contains=NAME).exists()
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1
    left = everything()
    assert [text for text in (NAME, EMAIL, NUMBER, QUESTION, "log.txt") if text in left] == []
    user = User.objects.get(pk=zeb.user.pk)
    assert (user.is_active, user.has_usable_password(), str(user)) == (False, False, "(erased)")
    assert not UserSession.objects.filter(user=user).exists()
    assert not Authenticator.objects.filter(user=user).exists()
    assert LogEntry.objects.filter(object_repr="(erased)").exists()
    assert LogEntry.objects.filter(change_message__contains="(erased) ").exists()


def test_the_events_of_copies_name_a_pseudonym_and_stay_unchangeable(zeb, boss, now):
    ticket = make_ticket(boss, now=now)
    change_copies(ticket=ticket, actor=boss.user, add=[EMAIL, "a@b.example"], now=now)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    erasure.erase_due(now=now + WAIT)
    event = TicketEvent.objects.get(kind="copies")
    assert event.data == {"added": [erasure.pseudonym(zeb.user), "a@b.example"], "removed": []}
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        TicketEvent.objects.filter(pk=event.pk).update(data={})


def test_forms_that_were_not_sent_go_with_their_files(zeb, now, django_capture_on_commit_callbacks):
    name = kept_form(zeb, now).file.name
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase_due(now=now + WAIT)
    assert not FormDraft.objects.exists()
    assert not Attachment.objects.exists()
    assert not default_storage.exists(name)


@pytest.mark.parametrize("ringing", [False, True])
def test_calls_that_wait_are_cancelled_and_no_number_is_kept(zeb, boss, now, ringing):
    make_ticket(zeb, now=now)
    call = asked_call(zeb, now)
    mine = asked_call(boss, now, key="B" * 22)
    if ringing:
        calling.dial(call=call, actor=StaffFactory(), now=now)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1
    call.refresh_from_db()
    assert (call.state, call.ended_at, call.number) == (CallRequest.State.CANCELLED, now + WAIT, "")
    attempts = CallAttempt.objects.values_list("number", "outcome")
    assert list(attempts) == [("", CallAttempt.Outcome.STOPPED)] * ringing
    assert not call.ticket.clocks.get(metric="callback").is_unanswered
    mine.refresh_from_db()
    assert (mine.state, mine.number) == (CallRequest.State.WAITING, NUMBER)


def test_questions_count_on_without_their_words(zeb, now):
    knowledge.ask(key="Q" * 22, question=QUESTION, hub="", language="en", user=zeb.user, now=now)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    erasure.erase_due(now=now + WAIT)
    assert Consultation.objects.get().question == ""
    figures = deflection(since=now - DAY, until=now + DAY, language="en")
    assert (figures.questions, figures.missing) == (1, [])


def test_a_name_in_the_history_of_other_pages_is_struck_out_as_a_whole_word(zeb, now):
    zeb.user.full_name = "山田"
    zeb.user.save()
    admin = StaffFactory(staff_role="administrator")
    kind = ContentType.objects.get_for_model(zeb.account)
    told = [{"changed": {"name": "membership", "object": f"{name} · Kestrel"}} for name in ("山田", "山田花子")]
    LogEntry.objects.create(
        user=admin,
        content_type=kind,
        object_id="1",
        object_repr="Kestrel",
        action_flag=2,
        change_message=json.dumps(told),
    )
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    erasure.erase_due(now=now + WAIT)
    kept = json.loads(LogEntry.objects.get(content_type=kind).change_message)
    assert [row["changed"]["object"] for row in kept] == ["(erased) · Kestrel", "山田花子 · Kestrel"]


def test_one_that_fails_holds_up_nobody_elses(zeb, boss, now, monkeypatch):
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    other = MembershipFactory(account=boss.account).user
    erasure.ask_erasure(user=other, actor=other, now=now)
    forget = erasure.forget_calls
    with monkeypatch.context() as broken:
        broken.setattr(
            erasure, "forget_calls", lambda *, user, now: 1 / 0 if user == zeb.user else forget(user=user, now=now)
        )
        assert erasure.erase_due(now=now + WAIT) == 1
    assert [User.objects.get(pk=one.pk).erased_at is not None for one in (zeb.user, other)] == [False, True]
    assert erasure.erase_due(now=now + WAIT) == 1


def test_who_is_held_up_keeps_their_copies(boss, zeb, now):
    people.change_role(membership=zeb, actor=boss.user, role="super_admin", is_designated=False, now=now)
    erasure.ask_erasure(user=boss.user, actor=boss.user, now=now)
    people.change_role(membership=zeb, actor=boss.user, role="user", is_designated=False, now=now)
    exports.ask_export(user=boss.user, now=now)
    exports.make_exports(now=now)
    assert erasure.erase_due(now=now + WAIT) == 0
    assert DataExport.objects.get().cleared_at is None


@pytest.mark.django_db(transaction=True)
def test_a_copy_that_is_made_meanwhile_goes_with_its_mail(now, monkeypatch):
    zeb = MembershipFactory(account=DesignatedFactory().account, user=UserFactory(full_name=NAME, email=EMAIL))
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    exports.ask_export(user=zeb.user, now=now)
    writes, begun = exports._write, Event()

    def slowly(*given, **named):
        begun.set()
        time.sleep(0.5)  # while the erasure begins, and waits
        writes(*given, **named)

    monkeypatch.setattr(exports, "_write", slowly)
    raised = at_once(
        lambda: exports.make_exports(now=now + WAIT),
        lambda: (begun.wait(10), erasure.erase_due(now=now + WAIT)),
    )
    assert raised == []
    export = DataExport.objects.get()
    assert (export.cleared_at, export.file.name) == (now + WAIT, "")
    assert not OutboxMail.objects.filter(template="export").exists()
    assert EMAIL not in everything()


def test_nobody_is_found_by_the_name_or_signs_in_any_more(zeb, boss, now):
    lived(zeb, boss, now)
    client = Client()
    client.force_login(zeb.user)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    erasure.erase_due(now=now + WAIT)
    rows = apps.get_model("helpdesk", "SearchText").objects.filter(ticket__requester=zeb.user)
    assert [row.pk for row in rows if "quillfeather" in row.words] == []
    assert client.get("/tickets/").status_code == 302
    answer = Client().post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    assert answer.status_code == 200


def test_the_tickets_stay_with_the_account(zeb, boss, now):
    ticket = make_ticket(zeb, body="Everything is blank.", now=now)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    erasure.erase_due(now=now + WAIT)
    assert ticket in Ticket.objects.visible_to(boss.user)
    assert ticket.messages.get().body == "Everything is blank."
    assert not Membership.objects.filter(user=zeb.user).exists()


def test_nothing_happens_before_the_seven_days_are_over_or_after_it_was_cancelled(zeb, now):
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    assert erasure.erase_due(now=now + WAIT - timedelta(seconds=1)) == 0
    assert erasure.cancel_erasure(user=zeb.user, now=now + DAY)
    assert not erasure.cancel_erasure(user=zeb.user, now=now + DAY)
    assert erasure.erase_due(now=now + WAIT) == 0
    assert User.objects.get(pk=zeb.user.pk).full_name == NAME


def test_asked_twice_it_is_one(zeb, now):
    first = erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    assert erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now + DAY) == first
    assert OutboxMail.objects.filter(template="erasure").count() == 1


def test_the_last_super_admin_names_another_first(boss, zeb, now):
    with pytest.raises(erasure.Refused, match="last super admin"):
        erasure.ask_erasure(user=boss.user, actor=boss.user, now=now)
    people.change_role(membership=zeb, actor=boss.user, role="super_admin", is_designated=False, now=now)
    erasure.ask_erasure(user=boss.user, actor=boss.user, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1


def test_who_became_the_last_one_meanwhile_is_held_up_and_told_once(boss, zeb, now):
    people.change_role(membership=zeb, actor=boss.user, role="super_admin", is_designated=False, now=now)
    erasure.ask_erasure(user=boss.user, actor=boss.user, now=now)
    people.change_role(membership=zeb, actor=boss.user, role="user", is_designated=False, now=now + DAY)
    assert erasure.erase_due(now=now + WAIT) == 0
    assert erasure.erase_due(now=now + WAIT + DAY) == 0
    assert OutboxMail.objects.filter(key__endswith="/blocked").count() == 1
    assert User.objects.get(pk=boss.user.pk).is_active
    people.change_role(membership=zeb, actor=boss.user, role="super_admin", is_designated=False, now=now + WAIT)
    assert erasure.erase_due(now=now + WAIT + 2 * DAY) == 1


def test_staff_are_erased_by_an_administrator_only(now):
    anna, admin = StaffFactory(), StaffFactory(staff_role="administrator")
    for actor in (anna, StaffFactory(staff_role="manager")):
        with pytest.raises(erasure.Refused, match="by an administrator"):
            erasure.ask_erasure(user=anna, actor=actor, now=now)
    with pytest.raises(erasure.Refused, match="by an administrator"):
        erasure.ask_erasure(user=admin, actor=admin, now=now)
    erasure.ask_erasure(user=anna, actor=admin, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1


def test_no_customer_erases_another(boss, zeb, now):
    with pytest.raises(erasure.Refused, match="themselves"):
        erasure.ask_erasure(user=zeb.user, actor=boss.user, now=now)


def test_broken_off_nothing_is_half_done(zeb, boss, now, monkeypatch):
    lived(zeb, boss, now)
    asked = erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    before = everything()
    with monkeypatch.context() as broken:
        broken.setattr(erasure, "rebuild_words", lambda ids: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            erasure.erase(erasure_id=asked.pk, now=now + WAIT)
    assert everything() == before
    assert erasure.erase_due(now=now + WAIT) == 1


@pytest.mark.django_db(transaction=True)
def test_two_jobs_and_a_change_of_mind_at_once(now):
    boss = DesignatedFactory()
    zeb = MembershipFactory(account=boss.account, user=UserFactory(full_name=NAME, email=EMAIL))
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    raised = at_once(
        lambda: erasure.erase_due(now=now + WAIT),
        lambda: erasure.erase_due(now=now + WAIT),
        lambda: erasure.cancel_erasure(user=zeb.user, now=now + WAIT),
    )
    assert raised == []
    row = Erasure.objects.get()
    assert (row.done_at is None) != (row.cancelled_at is None)
    assert (User.objects.get(pk=zeb.user.pk).full_name == NAME) == (row.done_at is None)


def test_keys_that_were_written_before_lose_the_address_and_stay_unique(zeb, boss, now):
    ticket = make_ticket(boss, now=now)
    change_copies(ticket=ticket, actor=boss.user, add=[EMAIL], now=now)
    mail = OutboxMail.objects.get(template="copied")
    new, old = mail.key, f"copied/{ticket.pk}/{EMAIL}"
    assert EMAIL not in new
    OutboxMail.objects.filter(pk=mail.pk).update(key=old)
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute(import_module("helpdesk.migrations.0020_keys_of_copies").DIGEST)
    mail.refresh_from_db()
    assert mail.key == new
