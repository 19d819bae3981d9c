"""Who changed their name or address: what was written under the one before is theirs, and goes with the rest."""

from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.invitations import Invitation
from helpdesk.accounts.models import Absence, Membership, User
from helpdesk.accounts.past import PastIdentity
from helpdesk.accounts.services import change_profile
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.privacy import erasure
from helpdesk.privacy.known import known_as
from helpdesk.privacy.places import Fate, fates
from helpdesk.reports.models import ReportSchedule
from helpdesk.tickets.models import Attachment, BulkAct, Draft, Message, Reading, SavedView, Ticket, TicketEvent, Watch
from helpdesk.tickets.services import assign, attach_file, change_copies, reply, watch
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket
from tests.privacy.test_erasure import WAIT, everything, lived
from tests.privacy.test_exports import made, part

pytestmark = pytest.mark.django_db
BEFORE, BORN = "zebedee.marrow@kestrel.example", "Zebedee Marrowfat"
NOW_CALLED, NOW_AT = "Zeb Quillfeather", "zq@kestrel.example"


@pytest.fixture
def boss():
    return DesignatedFactory()


@pytest.fixture
def zeb(boss):
    return MembershipFactory(account=boss.account, user=UserFactory(full_name=BORN, email=BEFORE))


def renamed(user: User) -> User:
    """By an administrator, on the person's page."""
    client = Client()
    client.force_login(StaffFactory(staff_role="administrator"))
    page = client.get(f"/admin/helpdesk/user/{user.pk}/change/")
    form = page.context["adminform"].form
    values = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    values |= {"email": NOW_AT, "full_name": NOW_CALLED}
    for formset in page.context["inline_admin_formsets"]:
        values |= {f"{formset.formset.prefix}-TOTAL_FORMS": "0", f"{formset.formset.prefix}-INITIAL_FORMS": "0"}
    answer = client.post(f"/admin/helpdesk/user/{user.pk}/change/", values)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    user.refresh_from_db()
    assert (user.email, user.full_name) == (NOW_AT, NOW_CALLED)
    return user


def erased(user: User, now, actor: User | None = None) -> None:
    erasure.ask_erasure(user=user, actor=actor or user, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1


def test_nothing_names_a_person_who_had_another_name_and_address_before(zeb, boss, now, monkeypatch):
    monkeypatch.setattr("tests.privacy.test_erasure.NAME", BORN)
    monkeypatch.setattr("tests.privacy.test_erasure.EMAIL", BEFORE)
    lived(zeb, boss, now)
    renamed(zeb.user)
    change_copies(ticket=make_ticket(boss, now=now), actor=boss.user, add=[NOW_AT], now=now)
    before = everything()
    assert all(text in before for text in (BORN, BEFORE, NOW_CALLED, NOW_AT))
    erased(zeb.user, now)
    left = everything()
    assert [text for text in (BORN, BEFORE, NOW_CALLED, NOW_AT) if text.lower() in left.lower()] == []
    assert not PastIdentity.objects.exists()


def test_what_a_person_was_called_is_kept_whoever_changes_it_and_once(zeb, now):
    profile = {"language": "en", "time_zone": "UTC", "mail_copies": True, "membership": None}
    change_profile(user=zeb.user, full_name="Another Name", **profile)
    change_profile(user=zeb.user, full_name=BORN, **profile)
    change_profile(user=zeb.user, full_name="Another Name", **profile)
    User.objects.filter(pk=zeb.user.pk).update(email="other@kestrel.example", last_login=now)
    User.objects.filter(pk=zeb.user.pk).update(language="ja")
    kept = PastIdentity.objects.filter(user=zeb.user).values_list("kind", "value")
    assert sorted(kept) == [("email", BEFORE), ("name", "Another Name"), ("name", BORN)]


def test_addresses_of_a_time_before_they_were_kept_are_found_where_they_stand_beside_the_person(zeb, now):
    EmailAddress.objects.create(user=zeb.user, email="second@kestrel.example")
    SocialAccount.objects.create(user=zeb.user, provider="x", uid="1", extra_data={"email": "Third@kestrel.example"})
    OutboxMail.objects.create(
        key="k",
        recipient=zeb.user,
        to=["fourth@kestrel.example"],
        template="plain",
        context={},
        created_at=now,
        next_attempt_at=now,
    )
    found = known_as(zeb.user).addresses
    assert set(found) == {BEFORE, *(f"{one}@kestrel.example" for one in ("second", "third", "fourth"))}


def test_an_address_that_is_a_colleagues_today_stays_theirs(zeb, boss, now):
    """The address of a post: who holds it now keeps it."""
    renamed(zeb.user)
    heir = MembershipFactory(account=boss.account, user=UserFactory(full_name="Heir Apparent", email=BEFORE))
    ticket = make_ticket(boss, now=now)
    change_copies(ticket=ticket, actor=boss.user, add=[BEFORE], now=now)
    erased(zeb.user, now)
    ticket.refresh_from_db()
    assert ticket.cc == [BEFORE]
    assert TicketEvent.objects.get(kind="copies").data["added"] == [BEFORE]
    assert User.objects.get(pk=heir.user.pk).email == BEFORE


def test_addresses_that_only_look_alike_are_nobody_elses_business(zeb, boss, now):
    ticket = make_ticket(boss, now=now)
    alike = [f"anna-{BEFORE}", f"{BEFORE}.au", f"x.{BEFORE}"]
    change_copies(ticket=ticket, actor=boss.user, add=[*alike, BEFORE], now=now)
    erased(zeb.user, now)
    ticket.refresh_from_db()
    assert ticket.cc == alike
    assert TicketEvent.objects.get(kind="copies").data["added"] == [*alike, erasure.pseudonym(zeb.user)]


def test_mails_to_the_earlier_address_are_not_sent_any_more(zeb, boss, now):
    change_copies(ticket=make_ticket(boss, now=now), actor=boss.user, add=["stranger@z.example"], now=now)
    mail = OutboxMail.objects.get(to=["stranger@z.example"])
    OutboxMail.objects.filter(pk=mail.pk).update(to=[BEFORE], recipient=None)
    renamed(zeb.user)
    erased(zeb.user, now)
    assert not OutboxMail.objects.filter(pk=mail.pk).exists()


def test_what_a_mail_server_said_of_the_address_goes_and_the_mail_to_others_stays(zeb, boss, now):
    mail = OutboxMail.objects.create(
        key="k",
        recipient=boss.user,
        to=[boss.user.email],
        cc=[BEFORE],
        template="plain",
        context={},
        created_at=now,
        next_attempt_at=now,
        last_error=f"550 <{BEFORE.upper()}>: no such mailbox",
    )
    erased(zeb.user, now)
    mail.refresh_from_db()
    assert (mail.to, mail.cc, mail.last_error) == ([boss.user.email], [], "")


def test_the_clock_the_events_and_the_messages_of_the_ticket_stay(zeb, boss, now):
    ticket = make_ticket(zeb, now=now)
    staff = StaffFactory()
    reply(ticket=ticket, actor=staff, body="Have a look now.", now=now + timedelta(minutes=9))
    kinds = list(ticket.events.order_by("pk").values_list("kind", "at"))
    clocks = list(ticket.clocks.order_by("pk").values_list("metric", "due_at", "state"))
    renamed(zeb.user)
    erased(zeb.user, now)
    assert list(ticket.events.order_by("pk").values_list("kind", "at")) == kinds
    assert list(ticket.clocks.order_by("pk").values_list("metric", "due_at", "state")) == clocks
    assert Message.objects.filter(ticket=ticket).count() == 2
    assert str(Ticket.objects.get(pk=ticket.pk).requester) == "(erased)"


def test_a_specialist_who_is_erased_leaves_the_work_and_no_name_or_draft(zeb, boss, now):
    anna = StaffFactory(full_name=BORN, email="anna@premium.example", mail_about=["assigned"])
    helen, admin = StaffFactory(staff_role="manager"), StaffFactory(staff_role="administrator")
    ticket = make_ticket(zeb, now=now)
    assign(ticket=ticket, owner=anna, actor=helen, now=now)
    watch(ticket=ticket, user=anna, now=now)
    Draft.objects.create(ticket=ticket, user=anna, body="Half a sen", saved_at=now)
    attach_file(ticket=ticket, actor=anna, upload=SimpleUploadedFile("a.txt", b"a"), now=now)
    SavedView.objects.create(owner=anna, created_by=anna, name="Mine")
    shared = SavedView.objects.create(created_by=anna, name="Everybody's")
    Absence.objects.create(user=anna, starts_at=now, ends_at=now + WAIT, note="At the dentist's")
    Reading.objects.update_or_create(ticket=ticket, user=anna, defaults={"at": now})
    BulkAct.objects.create(
        actor=helen,
        at=now,
        kind="assign",
        submission="s",
        outcomes=[{"ticket": 1, "why": f"{BORN} has taken it."}],
    )
    schedule = ReportSchedule.objects.create(name="Weekly", at="08:00", created_at=now, created_by=helen)
    schedule.recipients.set([anna, helen])
    Notice.objects.filter(recipient=helen).update(context={"owner": BORN})
    User.objects.filter(pk=anna.pk).update(full_name=NOW_CALLED)
    anna.refresh_from_db()
    erased(anna, now, actor=admin)
    User.objects.filter(pk=zeb.user.pk).update(full_name="Somebody Else")
    PastIdentity.objects.all().delete()
    assert [text for text in (BORN, NOW_CALLED, "Half a sen", "dentist") if text in everything()] == []
    event = TicketEvent.objects.get(kind="assigned")
    assert (event.data["after"], event.data["owner"]) == (anna.pk, "(erased)")
    assert list(schedule.recipients.all()) == [helen]
    assert list(SavedView.objects.all()) == [shared]
    assert not Attachment.objects.exists()
    assert not Watch.objects.exists()


def test_a_name_with_signs_of_a_pattern_in_it_strikes_out_nothing_else(zeb, boss, now):
    User.objects.filter(pk=zeb.user.pk).update(full_name=".*(a+)+$%_\\")
    zeb.user.refresh_from_db()
    kind = ContentType.objects.get_for_model(Membership)
    common = {"user": boss.user, "content_type": kind, "object_id": "1", "action_flag": 2}
    LogEntry.objects.create(**common, object_repr="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", change_message="%_")
    LogEntry.objects.create(**common, object_repr="Of .*(a+)+$%_\\ there", change_message="x")
    erased(zeb.user, now)
    assert set(LogEntry.objects.filter(content_type=kind).values_list("object_repr", flat=True)) == {
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!",
        "Of (erased) there",
    }


def test_an_erasure_takes_the_same_statements_however_much_there_is(boss, now):
    taken = []
    for many in (1, 30):
        person = MembershipFactory(account=boss.account)
        for _ticket in range(many):
            change_copies(ticket=make_ticket(person, now=now), actor=person.user, add=[boss.user.email], now=now)
        erasure.ask_erasure(user=person.user, actor=person.user, now=now)
        with CaptureQueriesContext(connection) as captured:
            assert erasure.erase_due(now=now + WAIT) == 1
        taken.append(len(captured))
    assert taken[0] == taken[1]


def test_the_copy_says_what_was_kept_of_the_time_before(zeb, boss, now):
    ticket = make_ticket(boss, now=now)
    change_copies(ticket=ticket, actor=boss.user, add=[BEFORE], now=now)
    Invitation.objects.create(
        account=boss.account,
        email=BEFORE,
        digest="d",
        invited_by=boss.user,
        created_at=now,
        sent_at=now,
        expires_at=now,
        revoked_at=now,
    )
    OutboxMail.objects.update(recipient=None)
    renamed(zeb.user)
    archive = made(zeb.user, now)
    before = [(row["what"], row["was"]) for row in part(archive, "profile.json")["before"]]
    assert before == [("email", BEFORE), ("name", BORN)]
    assert [row["reference"] for row in part(archive, "in_copy.json")] == [ticket.reference]
    assert [row["address"] for row in part(archive, "memberships.json")["invitations"]] == [BEFORE]
    assert [BEFORE] in [row["to"] for row in part(archive, "mails.json")]


def test_the_copy_of_a_specialist_holds_their_absences_and_drafts(now):
    anna = StaffFactory()
    Absence.objects.create(user=anna, starts_at=now, ends_at=now + WAIT, note="At the dentist's")
    Draft.objects.create(ticket=make_ticket(now=now), user=anna, body="Half a sen", saved_at=now)
    work = part(made(anna, now), "work.json")
    assert [row["note"] for row in work["absences"]] == ["At the dentist's"]
    assert [row["text"] for row in work["drafts"]] == ["Half a sen"]


def test_earlier_names_are_declared_as_going():
    assert fates()["helpdesk.PastIdentity", "value"] is Fate.DELETED
