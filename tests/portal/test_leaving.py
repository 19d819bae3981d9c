"""Leaving an account by oneself, and what keeps an account from being left without anybody who gives roles."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Membership, StaffRole
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_user_leaves_their_account_and_only_that_one():
    first = DesignatedFactory()
    member = MembershipFactory(account=first.account)
    other = MembershipFactory(user=member.user)
    client = signed_in(member.user)
    session = client.session
    session["portal_account"] = first.account_id
    session.save()
    assert 'action="/account/leave/"' in client.get("/account/").content.decode()
    assert client.get("/account/leave/").status_code == 405
    assert client.post("/account/leave/").status_code == 302
    assert list(Membership.objects.filter(user=member.user)) == [other]
    event = AccountEvent.objects.get()
    assert (event.kind, event.person, event.account) == ("left", member.user, first.account)


def test_the_last_super_admin_stays():
    last = DesignatedFactory()
    client = signed_in(last.user)
    assert "last super admin" in client.post("/account/leave/", follow=True).content.decode()
    assert Membership.objects.filter(pk=last.pk).exists()


def change(client, account, *rows):
    data = {"name": account.name, "time_zone": "UTC", "subscriptions-TOTAL_FORMS": 0, "subscriptions-INITIAL_FORMS": 0}
    data |= {"memberships-TOTAL_FORMS": len(rows), "memberships-INITIAL_FORMS": len(rows)}
    for number, (member, values) in enumerate(rows):
        values = {"id": member.pk, "account": account.pk, "user": member.user.email, **values}
        data |= {f"memberships-{number}-{name}": value for name, value in values.items()}
    return client.post(f"/admin/helpdesk/account/{account.pk}/change/", data)


@pytest.mark.parametrize("values", [{"role": "user"}, {"role": "super_admin", "DELETE": "on"}])
def test_the_operator_can_t_take_an_account_its_last_super_admin(values):
    last = DesignatedFactory()
    member = MembershipFactory(account=last.account)
    client = signed_in(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    answer = change(client, last.account, (last, values), (member, {"role": "user"}))
    assert answer.status_code == 200
    assert "This is the last super admin of the account." in answer.content.decode()
    assert Membership.objects.get(pk=last.pk).role == "super_admin"
    answer = change(client, last.account, (last, values), (member, {"role": "super_admin"}))
    assert answer.status_code == 302
    assert Membership.objects.get(pk=member.pk).role == "super_admin"


def test_verifying_statements_is_limited_for_one_address_and_says_so(settings):
    settings.ACCOUNT_RATE_LIMITS = {"verify_statement": "3/m/ip"}
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "verify"}}
    client = Client(REMOTE_ADDR="192.0.2.77")

    def verify() -> int:
        return client.post("/statements/verify/", {"file": SimpleUploadedFile("a.json", b"{}")}).status_code

    assert [verify() for _ in range(4)] == [400, 400, 400, 429]
    assert client.get("/statements/verify/").status_code == 200
    assert "password" not in client.post("/statements/verify/").content.decode()
