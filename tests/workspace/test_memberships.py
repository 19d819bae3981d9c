"""An administrator changes an account's people by the verbs that the portal uses, with their history and rules."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from helpdesk.accounts import people
from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Membership
from helpdesk.accounts.providers import IdentityProvider
from tests.factories import AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client):
    person = StaffFactory(staff_role="administrator")
    client.force_login(person)
    return person


@pytest.fixture
def send(client, admin):
    """Sends the account's page with its people as rows: a membership or nothing, then what is said of it."""

    def post(account, *rows):
        known = sum(row is not None for row, _said in rows)
        data = {"name": account.name, "time_zone": account.time_zone, "calendar": "", "subscriptions-TOTAL_FORMS": "0"}
        data |= {"subscriptions-INITIAL_FORMS": "0", "memberships-TOTAL_FORMS": len(rows)}
        data["memberships-INITIAL_FORMS"] = known
        for number, (row, said) in enumerate(rows):
            values = {"id": row.pk, "user": row.user.email, "role": row.role} if row else {"role": "user"}
            if row and row.is_designated:
                values["is_designated"] = "on"
            values = {name: value for name, value in (values | said).items() if value is not None}
            data |= {f"memberships-{number}-{name}": value for name, value in values.items()}
        path = f"{account.pk}/change/" if account.pk else "add/"
        return client.post(f"/admin/helpdesk/account/{path}", data)

    return post


@pytest.fixture
def boss():
    return DesignatedFactory()


@pytest.fixture
def mina(boss):
    mina = MembershipFactory(account=boss.account, role="super_admin", mail_all=True)
    provider = IdentityProvider.objects.create(
        account=boss.account, name="Kestrel", key="kestrel", issuer="https://login.kestrel.example", client_id="x"
    )
    SocialAccount.objects.create(user=mina.user, provider=provider.key, uid="mina")
    return mina


def events():
    rows = AccountEvent.objects.order_by("pk")
    return [(row.kind, row.person, row.before, row.after, row.actor) for row in rows]


def test_a_demotion_is_in_the_history_and_ends_the_mails_of_all_tickets(send, admin, boss, mina):
    assert send(boss.account, (boss, {}), (mina, {"role": "user"})).status_code == 302
    mina.refresh_from_db()
    assert (mina.role, mina.mail_all) == ("user", False)
    assert events() == [("changed", mina.user, "super_admin", "user", admin)]
    assert str(mina.user) in LogEntry.objects.get().change_message


def test_a_removal_is_in_the_history_and_ends_the_companys_sign_in(send, admin, boss, mina):
    assert send(boss.account, (boss, {}), (mina, {"DELETE": "on"})).status_code == 302
    assert not Membership.objects.filter(pk=mina.pk).exists()
    assert not SocialAccount.objects.exists()
    assert events() == [("removed", mina.user, "super_admin", "", admin)]
    assert "deleted" in LogEntry.objects.get().change_message


def test_somebody_new_is_in_the_history_and_staff_are_refused(send, admin, boss):
    ben, anna = UserFactory(), StaffFactory()
    assert "support staff" in send(boss.account, (boss, {}), (None, {"user": anna.email})).content.decode()
    assert events() == []
    assert send(boss.account, (boss, {}), (None, {"user": ben.email})).status_code == 302
    assert events() == [("joined", ben, "", "user", admin)]
    assert set(Membership.objects.values_list("user", flat=True)) == {boss.user_id, ben.pk}


def test_a_new_account_has_its_people_at_once_and_no_staff(send, admin):
    ben, anna = UserFactory(), StaffFactory()
    assert "support staff" in send(AccountFactory.build(name="New"), (None, {"user": anna.email})).content.decode()
    row = (None, {"user": ben.email, "role": "super_admin"})
    assert send(AccountFactory.build(name="New"), row).status_code == 302
    assert events() == [("joined", ben, "", "super_admin", admin)]


@pytest.mark.parametrize("said", [{"role": "user", "is_designated": None}, {"DELETE": "on"}])
def test_the_last_super_admin_stays(send, boss, said):
    ben = MembershipFactory(account=boss.account)
    answer = send(boss.account, (boss, said), (ben, {}))
    assert "last super admin" in answer.content.decode()
    boss.refresh_from_db()
    assert boss.is_designated
    assert events() == []


def test_two_take_turns_on_one_page(send, boss):
    ben = MembershipFactory(account=boss.account)
    rows = (boss, {"role": "user", "is_designated": None}), (ben, {"role": "super_admin"})
    assert send(boss.account, *rows).status_code == 302
    assert [(row[0], row[1], row[3]) for row in events()] == [
        ("changed", ben.user, "super_admin"),
        ("changed", boss.user, "user"),
    ]


def test_another_person_in_a_row_comes_and_the_first_one_goes(send, admin, boss, mina):
    ben = UserFactory()
    assert send(boss.account, (boss, {}), (mina, {"user": ben.email})).status_code == 302
    assert [(row[0], row[1]) for row in events()] == [("joined", ben), ("removed", mina.user)]
    assert not Membership.objects.get(user=ben).mail_all
    assert not SocialAccount.objects.exists()


def test_what_is_as_it_was_writes_nothing(send, boss, mina):
    assert send(boss.account, (boss, {}), (mina, {})).status_code == 302
    assert events() == []
    mina.refresh_from_db()
    assert mina.mail_all


def test_who_left_meanwhile_is_not_brought_back(send, boss, mina):
    rows = (boss, {}), (mina, {"role": "user"})
    people.remove(membership=mina, actor=mina.user, now=timezone.now())
    assert send(boss.account, *rows).status_code == 200
    assert not Membership.objects.filter(user=mina.user).exists()
