"""Who comes in, who is linked, and who is not taken over."""

import pytest
from allauth.account.utils import perform_login
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.utils import timezone

from helpdesk.accounts import people
from helpdesk.accounts.models import Membership, StaffRole, User
from helpdesk.notifications.models import OutboxMail
from tests.accounts.company.scene import ANN, come, is_in, kinds, made, refused
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory

pytestmark = pytest.mark.django_db


def test_a_long_name_or_none_makes_a_person_nevertheless(server, company):
    server.claims["name"] = "x" * 5000 + "\x00"
    assert is_in(come(company))
    server.claims = {**ANN, "sub": "u-9", "email": "b.c@kestrel.example", "name": None}
    assert is_in(come(company))
    assert User.objects.get(email="b.c@kestrel.example").full_name == "b.c"


def test_a_person_s_own_second_factor_is_asked_for_besides(company):
    come(company)
    person = User.objects.get(email=ANN["email"])
    Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    answer = come(company)
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in answer.client.session


def test_a_passkey_opens_nothing_where_the_company_s_sign_in_is_required(server, now):
    company = made(server, now, is_required=True)
    person = DesignatedFactory(account=company.account, user__email=ANN["email"]).user
    request = RequestFactory().get("/")
    request.session, request.user = Client().session, AnonymousUser()
    with context.request_context(request):
        answer = perform_login(request, person, email_verification="none")
    assert answer["Location"] == f"/accounts/oidc/{company.key}/"
    assert not request.user.is_authenticated


def test_the_address_may_come_from_userinfo_of_the_same_person(server, company):
    server.claims = {"sub": "u-1"}
    server.userinfo = {**ANN, "sub": "u-2"}
    assert refused(come(company), "didn't work")
    server.userinfo = ANN
    assert is_in(come(company))


def test_a_member_is_linked_keeps_the_role_and_hears_of_it(company):
    member = DesignatedFactory(account=company.account, user__email="Ann@Kestrel.example")
    assert is_in(come(company))
    member.refresh_from_db()
    assert member.is_designated
    assert SocialAccount.objects.get().user == member.user
    assert kinds(company.account) == ["sso_on", "linked"]
    assert [mail.context["news"] for mail in OutboxMail.objects.filter(template="security")] == ["company_linked"]


def test_a_person_of_another_account_is_not_taken_over(company):
    other = MembershipFactory(user__email=ANN["email"])
    assert refused(come(company), "You don't belong to this account")
    assert Membership.objects.filter(user=other.user).count() == 1
    assert not SocialAccount.objects.exists()


def test_who_was_removed_comes_in_again_only_by_an_invitation(server, company, now):
    admin = DesignatedFactory(account=company.account)
    come(company)
    member = Membership.objects.get(user__email=ANN["email"])
    people.remove(membership=member, actor=admin.user, now=now)
    assert not SocialAccount.objects.exists()
    assert refused(come(company), "You don't belong to this account")
    assert not Membership.objects.filter(user=member.user).exists()
    people.invite(
        account=company.account,
        actor=admin.user,
        email=ANN["email"],
        role="super_admin",
        is_designated=False,
        language="en",
        now=timezone.now(),
    )
    assert is_in(come(company))
    assert Membership.objects.get(user=member.user).role == "super_admin"


def test_staff_and_who_was_deactivated_don_t_come_in_this_way(server, company):
    person = StaffFactory(email=ANN["email"], staff_role=StaffRole.ADMINISTRATOR)
    assert refused(come(company), "Staff sign in here themselves")
    User.objects.filter(pk=person.pk).update(staff_role="", is_active=False)
    Membership.objects.create(account=company.account, user=person)
    assert refused(come(company), "You don't belong to this account")


def test_a_linked_person_who_became_staff_doesn_t_either(company):
    come(company)
    User.objects.filter(email=ANN["email"]).update(staff_role=StaffRole.ADMINISTRATOR)
    assert refused(come(company), "Staff sign in here themselves")


def test_an_address_that_was_given_to_somebody_else_opens_nobody_s_account(server, company):
    come(company)
    server.claims["sub"] = "u-2"
    assert refused(come(company), "somebody else's here")
