"""Where the company's sign-in is required, off, down or another one."""

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from helpdesk.accounts import people
from helpdesk.accounts.company_sign_in import keep_provider
from helpdesk.accounts.models import Account, Membership, StaffRole, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.core.sealing import unseal
from helpdesk.notifications.models import OutboxMail
from tests.accounts.company.scene import ANN, come, is_in, kinds, made, refused
from tests.accounts.oidc_server import CLIENT_ID, SECRET
from tests.factories import PASSWORD, AccountFactory, DesignatedFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db


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
