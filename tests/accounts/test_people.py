"""An account's people: who may ask, join, change and remove, and what stays when two do it at once (SPEC 2.1)."""

from datetime import timedelta

import pytest

from helpdesk.accounts import people
from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Membership, User
from helpdesk.core.sealing import unseal
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.notifications.services import deliver
from helpdesk.tickets.models import Ticket
from tests.at_once import at_once
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
Role = Membership.Role
DAY = timedelta(days=1)


@pytest.fixture
def mina():
    return DesignatedFactory(account=AccountFactory(name="Kestrel"), user=UserFactory(full_name="Mina Okafor"))


@pytest.fixture
def invited(mina, now):
    """Invites an address; gives the token of the mail, as its reader has it."""

    def invite(email="new@kestrel.example", role=Role.USER, is_designated=False, at=now, language="en"):
        invitation = people.invite(
            account=mina.account,
            actor=mina.user,
            email=email,
            role=role,
            is_designated=is_designated,
            language=language,
            now=at,
        )
        return invitation, token_of(invitation)

    return invite


def token_of(invitation: Invitation) -> str:
    mail = OutboxMail.objects.get(key=f"invitation/{invitation.pk}/{invitation.digest[:16]}")
    return unseal(mail.context["secret_url"]).rstrip("/").rpartition("/")[2]


def join_as_new(token, *, at, **changes):
    given = {"full_name": "New Person", "password": "a sentence of my own", "language": "ja", "time_zone": "Asia/Tokyo"}
    return people.join_as_new(token=token, now=at, **(given | changes))


def test_the_link_is_known_to_the_reader_of_the_mail_only(invited, now, settings):
    invitation, token = invited()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert token not in str(Invitation.objects.values().get())
    deliver(now=now)
    assert token not in str(OutboxMail.objects.values().get(key__startswith="invitation/"))
    render(OutboxMail.objects.get(key__startswith="invitation/"))  # and the admin can still show it


def test_the_mail_speaks_the_language_that_was_chosen_or_the_readers_own(invited):
    UserFactory(email="known@agency.example", language="ja", time_zone="Asia/Tokyo")
    invited("known@agency.example")
    invited("stranger@agency.example", language="en")
    spoken = dict(OutboxMail.objects.values_list("to__0", "language"))
    assert spoken == {"known@agency.example": "ja", "stranger@agency.example": "en"}


def test_a_new_person_joins_with_the_role_that_was_offered(invited, mina, now):
    _invitation, token = invited("New@Kestrel.example", role=Role.SUPER_ADMIN, is_designated=True)
    user = join_as_new(token, at=now + DAY)
    member = Membership.objects.get(user=user)
    assert (user.email, user.language, user.time_zone) == ("new@kestrel.example", "ja", "Asia/Tokyo")
    assert (member.account, member.role, member.is_designated) == (mina.account, Role.SUPER_ADMIN, True)
    assert user.check_password("a sentence of my own")


def test_a_link_works_once_and_for_seven_days(invited, now):
    _invitation, token = invited()
    join_as_new(token, at=now + 7 * DAY - timedelta(seconds=1))
    with pytest.raises(people.Refused):
        join_as_new(token, at=now + DAY)
    _other, late = invited("late@kestrel.example")
    with pytest.raises(people.Refused):
        join_as_new(late, at=now + 7 * DAY)
    assert not User.objects.filter(email="late@kestrel.example").exists()


def test_a_link_that_was_replaced_or_taken_back_opens_nothing(invited, mina, now):
    invitation, first = invited()
    people.send_again(invitation=invitation, actor=mina.user, now=now + DAY)
    with pytest.raises(people.Refused):
        join_as_new(first, at=now + DAY)
    second = token_of(Invitation.objects.get())
    people.revoke(invitation=invitation, actor=mina.user, now=now + DAY)
    with pytest.raises(people.Refused):
        join_as_new(second, at=now + DAY)


def test_sent_again_too_soon_it_is_refused(invited, mina, now):
    invitation, _token = invited()
    with pytest.raises(people.Refused, match="five minutes"):
        people.send_again(invitation=invitation, actor=mina.user, now=now + timedelta(minutes=4))


def test_a_person_of_another_account_joins_by_confirming_and_keeps_both(invited, now):
    agent = MembershipFactory(user=UserFactory(email="agent@agency.example"))
    _invitation, token = invited("agent@agency.example")
    people.join(token=token, user=agent.user, now=now)
    assert agent.user.memberships.count() == 2


def test_nobody_joins_in_anothers_place(invited, now):
    _invitation, token = invited()
    for wrong in (UserFactory(), StaffFactory(email="x@premium.example")):
        with pytest.raises(people.Refused):
            people.join(token=token, user=wrong, now=now)
    assert Membership.objects.count() == 1


def test_staff_never_become_customers(invited, now):
    staff = StaffFactory(email="anna@premium.example")
    _invitation, token = invited("anna@premium.example")
    with pytest.raises(people.Refused, match="support staff"):
        people.join(token=token, user=staff, now=now)


def test_an_address_is_invited_once(invited, mina):
    invited()
    with pytest.raises(people.Refused, match="invited already"):
        invited()
    with pytest.raises(people.Refused, match="belongs to the account already"):
        invited(mina.user.email.upper())


ACTS = {
    "invite": lambda mina, victim, actor, now: people.invite(
        account=mina.account,
        actor=actor,
        email="x@y.example",
        role=Role.USER,
        is_designated=False,
        language="en",
        now=now,
    ),
    "change": lambda mina, victim, actor, now: people.change_role(
        membership=victim, actor=actor, role=Role.SUPER_ADMIN, is_designated=True, now=now
    ),
    "remove": lambda mina, victim, actor, now: people.remove(membership=victim, actor=actor, now=now),
}


@pytest.mark.parametrize("what", ACTS)
def test_only_a_super_admin_of_this_account_governs_it(mina, now, what):
    others = [MembershipFactory(account=mina.account), DesignatedFactory(), MembershipFactory(user=StaffFactory())]
    victim = MembershipFactory(account=mina.account)
    for other in others:
        with pytest.raises(people.Refused, match="Only a super admin"):
            ACTS[what](mina, victim, other.user, now)
    assert Membership.objects.get(pk=victim.pk).role == Role.USER
    assert not AccountEvent.objects.exists()


def test_designation_is_for_super_admins(mina, now):
    member = MembershipFactory(account=mina.account)
    people.change_role(membership=member, actor=mina.user, role=Role.USER, is_designated=True, now=now)
    member.refresh_from_db()
    assert not member.is_designated


def test_every_change_is_written_down_with_who_and_whom(invited, mina, now):
    _invitation, token = invited()
    user = join_as_new(token, at=now)
    member = user.memberships.get()
    people.change_role(membership=member, actor=mina.user, role=Role.SUPER_ADMIN, is_designated=True, now=now)
    people.change_role(membership=member, actor=mina.user, role=Role.SUPER_ADMIN, is_designated=True, now=now)
    people.remove(membership=member, actor=mina.user, now=now)
    told = list(AccountEvent.objects.order_by("pk").values_list("kind", "actor", "person", "before", "after"))
    assert told == [
        ("invited", mina.user.pk, None, "", "user"),
        ("joined", user.pk, user.pk, "", "user"),
        ("changed", mina.user.pk, user.pk, "user", "designated"),
        ("removed", mina.user.pk, user.pk, "designated", ""),
    ]


def test_the_last_super_admin_stays(mina, now):
    MembershipFactory(account=mina.account)
    with pytest.raises(people.Refused, match="last super admin"):
        people.remove(membership=mina, actor=mina.user, now=now)
    with pytest.raises(people.Refused, match="last super admin"):
        people.change_role(membership=mina, actor=mina.user, role=Role.USER, is_designated=False, now=now)
    assert Membership.objects.get(pk=mina.pk).is_designated


def test_one_who_cannot_sign_in_is_no_other_super_admin(mina, now):
    MembershipFactory(account=mina.account, role=Role.SUPER_ADMIN, user=UserFactory(is_active=False))
    with pytest.raises(people.Refused, match="last super admin"):
        people.remove(membership=mina, actor=mina.user, now=now)


def test_who_is_removed_sees_nothing_more_and_the_ticket_stays_with_the_account(mina, now):
    member = MembershipFactory(account=mina.account)
    ticket = make_ticket(member, now=now)
    people.remove(membership=member, actor=mina.user, now=now)
    assert not Ticket.objects.visible_to(member.user).exists()
    assert list(Ticket.objects.visible_to(mina.user)) == [ticket]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["demote", "remove", "leave"])
def test_two_super_admins_at_once_leave_one(now, what):
    first = DesignatedFactory()
    second = DesignatedFactory(account=first.account)

    def act(actor, other):
        if what == "demote":
            people.change_role(membership=other, actor=actor.user, role=Role.USER, is_designated=False, now=now)
        else:
            people.remove(membership=actor if what == "leave" else other, actor=actor.user, now=now)

    raised = at_once(lambda: act(first, second), lambda: act(second, first))
    assert [type(error) for error in raised] == [people.Refused]
    assert Membership.objects.filter(account=first.account, role=Role.SUPER_ADMIN).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_link_that_is_opened_twice_at_once_makes_one_person(now):
    mina = DesignatedFactory()
    invitation = people.invite(
        account=mina.account,
        actor=mina.user,
        email="new@x.example",
        role=Role.USER,
        is_designated=False,
        language="en",
        now=now,
    )
    token = token_of(invitation)
    raised = at_once(lambda: join_as_new(token, at=now), lambda: join_as_new(token, at=now))
    assert [type(error) for error in raised] == [people.Refused]
    assert User.objects.filter(email="new@x.example").count() == 1
