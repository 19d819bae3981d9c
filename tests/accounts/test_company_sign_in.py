"""Signing in through a company's own provider: who comes in, who doesn't, and what a forged answer is worth."""

import time

import pytest
import requests
from allauth.account.utils import perform_login
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.utils import timezone

from helpdesk.accounts import people
from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.invitations import AccountEvent
from helpdesk.accounts.models import Account, Membership, StaffRole, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.core.sealing import unseal
from helpdesk.notifications.models import OutboxMail
from tests.accounts.oidc_server import CLIENT_ID, OTHER_KEY, SECRET, Provider
from tests.factories import PASSWORD, AccountFactory, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db
ANN = {"sub": "u-1", "email": "ann@kestrel.example", "email_verified": True, "name": "Ann Berg"}


@pytest.fixture(autouse=True)
def _many_sign_ins(settings):
    settings.ACCOUNT_RATE_LIMITS = {"login": "600/m/ip", "login_failed": "600/m/ip"}


@pytest.fixture
def server():
    server = Provider()
    server.claims = dict(ANN)
    yield server
    server.close()


@pytest.fixture
def company(server, now) -> IdentityProvider:
    return made(server, now)


def made(server, now, *, account=None, domains=("kestrel.example",), **values) -> IdentityProvider:
    account = account or AccountFactory(name="Kestrel")
    values = {"is_on": True, "name": "Kestrel", "issuer": server.issuer, **values}
    provider = IdentityProvider(account=account, client_id=CLIENT_ID, secret=SECRET, **values)
    keep_provider(provider=provider, domains=domains, actor=StaffFactory(), now=now)
    return provider


def come(company, client=None, *, following="", process=""):
    """From our link to the provider, and back with what it sends."""
    client = client or Client()
    query = {name: value for name, value in (("next", following), ("process", process)) if value}
    there = client.get(f"/accounts/oidc/{company.key}/login/", query)
    assert there.status_code == 302, there.content
    back = requests.get(there["Location"], allow_redirects=False, timeout=5)
    return client.get(back.headers["Location"].removeprefix("http://testserver"))


def is_in(answer) -> bool:
    return answer.status_code == 302 and "_auth_user_id" in answer.client.session


def refused(answer, words: str) -> bool:
    return (
        answer.status_code == 403 and words in answer.content.decode() and "_auth_user_id" not in answer.client.session
    )


def kinds(account) -> list[str]:
    return list(AccountEvent.objects.filter(account=account).order_by("id").values_list("kind", flat=True))


def test_a_new_person_comes_in_as_a_user_of_the_account_and_again_as_themselves(company):
    answer = come(company)
    assert is_in(answer)
    assert answer["Location"] == "/welcome/"
    person = User.objects.get(email="ann@kestrel.example")
    assert (person.full_name, person.has_usable_password(), person.staff_role) == ("Ann Berg", False, "")
    member = Membership.objects.get(user=person)
    assert (member.account, member.role, member.is_designated) == (company.account, "user", False)
    assert kinds(company.account) == ["sso_on", "came_in"]
    assert is_in(come(company))
    assert User.objects.filter(staff_role="").count() == 1
    assert kinds(company.account) == ["sso_on", "came_in"]
    assert SocialAccount.objects.get().extra_data == {}


def test_it_leads_back_to_the_page_that_was_asked_for_and_to_no_other_site(company):
    assert come(company, following="/tickets/")["Location"] == "/tickets/"
    assert come(company, following="https://evil.example/")["Location"] == "/welcome/"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": [CLIENT_ID, "x"], "azp": "x"},
        {"nonce": "of-another-sign-in"},
        {"nonce": None},
        {"exp": int(time.time()) - 3600},
        {"sub": ""},
    ],
)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(server, company, change):
    server.change = change
    assert refused(come(company), "The sign-in didn't work")
    assert not User.objects.filter(email=ANN["email"]).exists()


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (OTHER_KEY, "RS256", "one"),
        (OTHER_KEY, "RS256", "two"),
        (SECRET * 3, "HS256", "one"),
        (None, "none", "one"),
        (None, "none", None),
    ],
)
def test_a_forged_signature_opens_nothing(server, company, key, algorithm, kid):
    server.key, server.algorithm, server.kid = key, algorithm, kid
    assert refused(come(company), "The sign-in didn't work")


def test_a_provider_that_calls_itself_otherwise_is_another_one(server, company):
    server.called = "https://evil.example"
    assert Client().get(f"/accounts/oidc/{company.key}/login/").status_code == 403


def test_an_answer_counts_in_the_browser_that_asked_and_once(company):
    client = Client()
    there = client.get(f"/accounts/oidc/{company.key}/login/")
    back = requests.get(there["Location"], allow_redirects=False, timeout=5).headers["Location"]
    back = back.removeprefix("http://testserver")
    assert refused(Client().get(back), "The sign-in didn't work")
    assert is_in(client.get(back))
    assert client.get(back).status_code == 403


@pytest.mark.parametrize("verified", [False, None, "false", "no", 1])
def test_an_unverified_address_brings_nobody_in(server, company, verified):
    server.claims["email_verified"] = verified
    assert refused(come(company), "isn't verified")
    DesignatedFactory(account=company.account, user__email=ANN["email"])
    assert refused(come(company), "isn't verified")
    assert not SocialAccount.objects.exists()


def test_a_provider_whose_addresses_are_proven_need_not_say_so(server, now):
    del server.claims["email_verified"]
    assert is_in(come(made(server, now, trusts_addresses=True)))


@pytest.mark.parametrize("email", ["ann@other.example", "ann@sub.kestrel.example", "ann@kestrel.example.evil.example"])
def test_an_address_of_another_domain_brings_nobody_in(server, company, email):
    server.claims["email"] = email
    assert refused(come(company), "belongs elsewhere")
    assert not User.objects.filter(email=email).exists()


@pytest.mark.parametrize("email", ["", None, "no-address", "a@b@kestrel.example", ["ann@kestrel.example"]])
def test_an_answer_without_an_address_brings_nobody_in(server, company, email):
    server.claims["email"] = email
    assert come(company).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"sub": "x" * 192},
        {"sub": "a\x00b"},
        {"sub": 7},
        {"email": "a" * 300 + "@kestrel.example"},
        {"email": "a\x00@kestrel.example"},
        {"email": "<script>@kestrel.example"},
    ],
)
def test_a_hostile_answer_is_refused_as_any_other(server, company, change):
    server.change = change
    assert come(company).status_code == 403
    assert not User.objects.filter(staff_role="").exists()


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


def test_one_that_is_switched_off_isn_t_there_even_half_way(company):
    client = Client()
    there = client.get(f"/accounts/oidc/{company.key}/login/")
    back = requests.get(there["Location"], allow_redirects=False, timeout=5).headers["Location"]
    IdentityProvider.objects.update(is_on=False)
    assert client.get(back.removeprefix("http://testserver")).status_code == 404
    assert client.get(f"/accounts/oidc/{company.key}/login/").status_code == 404
    assert client.get(f"/accounts/oidc/{company.key}/").status_code == 404


def test_a_provider_that_is_down_says_so_kindly(server, company):
    server.is_down = True
    answer = Client().get(f"/accounts/oidc/{company.key}/login/")
    assert refused(answer, "The sign-in didn't work")


def test_a_sign_in_that_was_cancelled_says_so(company):
    client = Client()
    there = client.get(f"/accounts/oidc/{company.key}/login/")["Location"]
    state = there.split("state=")[1].split("&")[0]
    answer = client.get(f"/accounts/oidc/{company.key}/login/callback/", {"error": "access_denied", "state": state})
    assert refused(answer, "You stopped on the way")


def test_another_issuer_makes_all_links_void(server, company, now):
    come(company)
    company.issuer = "https://login.new.example"
    keep_provider(provider=company, domains=["kestrel.example"], actor=StaffFactory(), now=now)
    assert not SocialAccount.objects.exists()
    assert kinds(company.account)[-1] == "sso_changed"


def test_trying_it_signs_nobody_in_and_is_for_administrators(server, now):
    company = made(server, now, is_on=False)
    client = Client()
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    page = come(company, client, process="try").content.decode()
    assert "A person like this can come in." in page
    assert "Ann Berg" in page
    assert not User.objects.filter(email=ANN["email"]).exists()
    server.change = {"nonce": "x"}
    assert "The ID token is for another sign-in." in come(company, client, process="try").content.decode()
    client.force_login(StaffFactory())
    assert client.get(f"/accounts/oidc/{company.key}/login/?process=try").status_code == 404


def test_nobody_links_or_signs_up_by_allauth_s_own_pages(company):
    client = Client()
    client.force_login(UserFactory())
    for page in ("", "signup/", "login/error/"):
        assert client.get(f"/accounts/3rdparty/{page}").status_code == 404
    answer = come(company, client, process="connect")
    assert is_in(answer)
    assert answer.client.session["_auth_user_id"] == str(User.objects.get(email=ANN["email"]).pk)


# The login page


def test_an_address_leads_to_its_company_by_a_page_of_ours(company):
    answer = Client().post("/accounts/oidc/", {"login": " Anyone@KESTREL.example ", "next": "/tickets/"})
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/oidc/{company.key}/?next=%2Ftickets%2F")
    page = Client().get(answer["Location"]).content.decode()
    assert f'href="/accounts/oidc/{company.key}/login/?next=%2Ftickets%2F"' in page
    for email in ("ann@other.example", "", "ann", "@", "\x00", "a" * 9000):
        answer = Client().post("/accounts/oidc/", {"login": email})
        assert answer.status_code == 422


def sign_in(email, password=PASSWORD):
    return Client().post("/accounts/login/", {"login": email, "password": password})


def test_where_it_is_required_no_password_opens_anything_right_or_wrong(server, now):
    company = made(server, now, is_required=True)
    member = DesignatedFactory(account=company.account, user__email=ANN["email"])
    tries = (sign_in(member.user.email), sign_in(member.user.email, "wrong"), sign_in("nobody@kestrel.example"))
    said = {(answer.status_code, str(answer.context["form"].errors)) for answer in tries}
    assert len(said) == 1
    assert "without a password here" in said.pop()[1]
    assert f"/accounts/oidc/{company.key}/" in sign_in(member.user.email).content.decode()
    assert sign_in(UserFactory(email="x@other.example").email).status_code == 302


def test_staff_break_the_glass(server, now):
    made(server, now, is_required=True, domains=["premium.example"])
    answer = sign_in(StaffFactory().email)
    assert answer.status_code == 302
    assert is_in(answer)


def test_where_it_is_required_an_invitation_s_new_person_goes_there_too(server, now):
    company = made(server, now, is_required=True)
    admin = DesignatedFactory(account=company.account).user
    people.invite(
        account=company.account,
        actor=admin,
        email=ANN["email"],
        role="super_admin",
        is_designated=True,
        language="en",
        now=timezone.now(),
    )
    token = unseal(OutboxMail.objects.get(template="invitation").context["secret_url"]).rstrip("/").split("/")[-1]
    assert Client().get(f"/invitations/{token}/")["Location"] == f"/accounts/oidc/{company.key}/"
    assert is_in(come(company))
    assert Membership.objects.get(user__email=ANN["email"]).is_designated


def test_the_admin_keeps_the_secret_and_refuses_what_belongs_to_others(server, company):
    client = Client()
    client.force_login(StaffFactory(staff_role=StaffRole.ADMINISTRATOR))
    url = f"/admin/helpdesk/identityprovider/{company.pk}/change/"
    page = client.get(url).content.decode()
    assert company.callback_url in page
    assert SECRET not in page
    data = {"name": "Kestrel", "issuer": server.issuer, "client_id": CLIENT_ID, "secret": "", "is_on": "on"}
    assert client.post(url, {**data, "domain_list": "Kestrel.example\n@kestrel.test"}).status_code == 302
    company.refresh_from_db()
    assert (unseal(company.secret), sorted(row.domain for row in company.domains.all())) == (
        SECRET,
        ["kestrel.example", "kestrel.test"],
    )
    assert kinds(company.account) == ["sso_on", "sso_changed"]
    client.post(url, {**data, "domain_list": "kestrel.example\nkestrel.test"})
    assert kinds(company.account) == ["sso_on", "sso_changed"]  # nothing was changed
    other = AccountFactory()
    add = {**data, "account": other.pk, "domain_list": "kestrel.test", "protocol": "oidc"}
    for wrong in ("kestrel.test", "gmail.com", "no domain!", "http://x.example/"):
        answer = client.post("/admin/helpdesk/identityprovider/add/", {**add, "domain_list": wrong})
        assert answer.status_code == 200
        assert answer.context["adminform"].errors["domain_list"]
    assert Account.objects.get(pk=other.pk).identity_providers.count() == 0
    assert client.post("/admin/helpdesk/identityprovider/add/", {**add, "domain_list": "o.example"}).status_code == 302
