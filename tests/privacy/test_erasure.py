"""Erasure: what says who a person was goes, everywhere and whole; what the account was told stays (SPEC 2.9)."""

from datetime import timedelta
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.test import Client

from helpdesk.accounts import people
from helpdesk.accounts.models import Membership, User
from helpdesk.accounts.services import change_profile
from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import OutboxMail
from helpdesk.privacy import erasure, exports
from helpdesk.privacy.models import Erasure
from helpdesk.tickets.intake import receive_reply
from helpdesk.tickets.models import Source, Ticket
from helpdesk.tickets.services import assign, reply
from tests.at_once import at_once
from tests.factories import PASSWORD, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WAIT = 7 * DAY
NAME, EMAIL = "Zebedee Quillfeather", "zebedee@kestrel.example"


@pytest.fixture
def boss():
    return DesignatedFactory()


@pytest.fixture
def zeb(boss):
    return MembershipFactory(account=boss.account, user=UserFactory(full_name=NAME, email=EMAIL))


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
    Client().post("/accounts/login/", {"login": EMAIL, "password": PASSWORD})
    Client(headers={"user-agent": "Mozilla/5.0 Firefox/130"}).post(
        "/accounts/login/", {"login": EMAIL, "password": PASSWORD}
    )
    Authenticator.objects.create(user=zeb.user, type="totp", data={"secret": "x"})
    change_profile(
        user=zeb.user, full_name=NAME, language="ja", time_zone="Asia/Tokyo", mail_copies=True, membership=None
    )
    people.change_role(membership=zeb, actor=boss.user, role="super_admin", is_designated=False, now=now)
    exports.ask_export(user=zeb.user, now=now)
    exports.make_exports(now=now)
    OutboxMail.objects.filter(template="export").update(state="sent", sent_at=now)


def everything() -> str:
    """Every row of every table, as text."""
    out = StringIO()
    call_command("dumpdata", "helpdesk", "account", "mfa", "usersessions", "admin", stdout=out)
    return out.getvalue()


def test_no_table_names_the_person_any_more(zeb, boss, now):
    lived(zeb, boss, now)
    assert NAME in everything()
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    assert erasure.erase_due(now=now + WAIT) == 1
    left = everything()
    assert NAME not in left
    assert EMAIL not in left
    user = User.objects.get(pk=zeb.user.pk)
    assert (user.is_active, user.has_usable_password(), str(user)) == (False, False, "(erased)")
    assert not UserSession.objects.filter(user=user).exists()
    assert not Authenticator.objects.filter(user=user).exists()
    assert LogEntry.objects.filter(object_repr="(erased)").exists()


def test_nobody_is_found_by_the_name_or_signs_in_any_more(zeb, boss, now):
    lived(zeb, boss, now)
    client = Client()
    client.force_login(zeb.user)
    erasure.ask_erasure(user=zeb.user, actor=zeb.user, now=now)
    erasure.erase_due(now=now + WAIT)
    words = apps.get_model("helpdesk", "SearchText").objects.get(ticket__requester=zeb.user).words
    assert "quillfeather" not in words
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
