"""The pages about an account's people: who reaches them, what they say, and what they never tell (SPEC 2.1)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.accounts import people
from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Membership, User
from helpdesk.core.sealing import unseal
from helpdesk.notifications.models import OutboxMail
from tests.factories import PASSWORD, DesignatedFactory, MembershipFactory, StaffFactory, UserFactory

pytestmark = pytest.mark.django_db
INVITE = {"email": "new@kestrel.example", "role": "user", "language": "en"}
JOIN = {"full_name": "New Person", "password": "a sentence of my own", "language": "en", "time_zone": "Europe/Berlin"}


@pytest.fixture
def mina(frozen, kestrel, sign_in):
    return sign_in(kestrel.mina)


@pytest.fixture
def invited(kestrel, now):
    """An invitation of an address, and the address of its link."""

    def invite(email="new@kestrel.example", at=now, **given):
        invitation = people.invite(
            account=kestrel.account,
            actor=kestrel.mina.user,
            email=email,
            role=given.get("role", "user"),
            is_designated=False,
            language=given.get("language", "en"),
            now=at,
        )
        link = unseal(OutboxMail.objects.get(key__startswith=f"invitation/{invitation.pk}/").context["secret_url"])
        return invitation, "/" + link.split("/", 3)[3]

    return invite


def test_a_super_admin_invites_and_it_stands_in_the_list(mina, kestrel):
    answer = mina.post("/account/people/invite/", INVITE | {"role": "designated"}, follow=True)
    assert "An invitation goes to new@kestrel.example." in answer.content.decode()
    invitation = Invitation.objects.get()
    assert (invitation.account, invitation.role, invitation.is_designated) == (kestrel.account, "super_admin", True)
    assert "new@kestrel.example" in mina.get("/account/people/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"email": "nobody"}, "Write it like name@company.com"),
        ({"email": ""}, "Enter the e-mail address"),
        ({"role": "emperor"}, "Select a valid choice"),
        ({"role": ""}, "This field is required"),
        ({"language": "xx"}, "Select a valid choice"),
        ({"email": "a\x00b@x.example"}, ""),
        ({"email": "x" * 300 + "@x.example"}, ""),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(mina, wrong, said):
    answer = mina.post("/account/people/invite/", INVITE | wrong)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("who", ["aoife", "stranger"])
def test_for_others_the_pages_are_not_there_and_change_nothing(frozen, kestrel, sign_in, invited, who):
    invitation, _link = invited()
    client = sign_in(kestrel.aoife if who == "aoife" else DesignatedFactory())
    before = list(Membership.objects.values()), list(Invitation.objects.values()), AccountEvent.objects.count()
    pages = [f"/account/people/{kestrel.tomas.pk}/"] + (["/account/people/"] if who == "aoife" else [])
    for page in pages:
        assert client.get(page).status_code == 404
    for act in (
        f"/account/people/{kestrel.tomas.pk}/",
        f"/account/people/{kestrel.tomas.pk}/remove/",
        f"/account/invitations/{invitation.pk}/again/",
        f"/account/invitations/{invitation.pk}/revoke/",
    ):
        assert client.post(act, {"role": "designated"}).status_code == 404
    after = list(Membership.objects.values()), list(Invitation.objects.values()), AccountEvent.objects.count()
    assert after == before


def test_who_was_demoted_in_another_tab_is_told(mina, kestrel, now):
    page = mina.get(f"/account/people/{kestrel.aoife.pk}/")
    assert page.status_code == 200
    people.change_role(membership=kestrel.mina, actor=kestrel.tomas.user, role="user", is_designated=False, now=now)
    assert mina.post(f"/account/people/{kestrel.aoife.pk}/", {"role": "designated"}).status_code == 404
    kestrel.aoife.refresh_from_db()
    assert not kestrel.aoife.is_designated


def test_the_last_super_admin_is_told_beside_the_field(frozen, sign_in):
    alone = DesignatedFactory()
    answer = sign_in(alone).post(f"/account/people/{alone.pk}/", {"role": "user"})
    assert answer.status_code == 422
    assert "last super admin" in answer.content.decode()


def test_one_finds_a_person_by_a_part_of_name_or_address(mina, kestrel):
    text = mina.get("/account/people/?q=BRENN").content.decode()
    assert "Aoife Brennan" in text
    assert "Tomás Ferreira" not in text
    assert "Nobody found" in mina.get("/account/people/?q=%00zzz&page=-7").content.decode()


def test_older_and_newer_people(mina, kestrel):
    for number in range(30):
        MembershipFactory(account=kestrel.account, user=UserFactory(full_name=f"Zoe {number:02}"))
    assert "?page=2" in mina.get("/account/people/").content.decode()
    assert "Zoe 29" in mina.get("/account/people/?page=2").content.decode()


@pytest.mark.parametrize("page", ["/account/people/", "/account/people/history/", "/account/"])
def test_the_lists_cost_the_same_however_long(mina, kestrel, invited, page):
    invited("first@x.example")
    mina.get(page)
    with CaptureQueriesContext(connection) as few:
        mina.get(page)
    for number in range(30):
        MembershipFactory(account=kestrel.account)
        invited(f"more{number}@x.example")
    with CaptureQueriesContext(connection) as many:
        mina.get(page)
    assert len(many) == len(few)


def test_the_history_says_who_did_what(mina, kestrel):
    mina.post("/account/people/invite/", INVITE)
    mina.post(f"/account/people/{kestrel.aoife.pk}/", {"role": "super_admin"})
    text = mina.get("/account/people/history/").content.decode()
    assert "Aoife Brennan: User became Super admin" in text
    assert "new@kestrel.example was invited as: User" in text


def test_a_new_person_joins_and_is_signed_in(frozen, kestrel, invited):
    _invitation, link = invited()
    client = Client()
    assert "Join Kestrel Freight Group" in client.get(link).content.decode()
    answer = client.post(link, JOIN, follow=True)
    assert answer.redirect_chain[-1][0] == "/"
    assert "Welcome to Kestrel Freight Group" in answer.content.decode()
    user = User.objects.get(email="new@kestrel.example")
    assert user.memberships.get().account == kestrel.account


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"password": "short"}, "too short"),
        ({"password": "password1234"}, "too common"),
        ({"full_name": " "}, "Enter your name"),
        ({"time_zone": "Atlantis/Lost"}, "is not a time zone"),
        ({"language": "tlh"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_joining_is_said(frozen, kestrel, invited, wrong, said):
    _invitation, link = invited()
    answer = Client().post(link, JOIN | wrong)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not User.objects.filter(email="new@kestrel.example").exists()


def test_the_page_speaks_the_language_of_the_invitation(frozen, invited):
    _invitation, link = invited(language="ja")
    assert '<html lang="ja">' in Client().get(link).content.decode()


def test_a_known_person_signs_in_and_confirms(frozen, kestrel, invited, sign_in):
    agent = MembershipFactory(user=UserFactory(email="agent@agency.example"))
    _invitation, link = invited("agent@agency.example")
    page = Client().get(link).content.decode()
    assert f"/accounts/login/?next={link}" in page
    client = sign_in(agent)
    assert "Join Kestrel Freight Group" in client.get(link).content.decode()
    answer = client.post(link, follow=True)
    assert "Welcome to Kestrel Freight Group" in answer.content.decode()
    assert answer.context["visitor"].account == kestrel.account
    assert agent.user.memberships.count() == 2


@pytest.mark.parametrize("factory", [UserFactory, StaffFactory])
def test_the_wrong_person_is_told_and_learns_no_address(frozen, invited, sign_in, factory):
    _invitation, link = invited()
    client = sign_in(factory())
    for answer in (client.get(link), client.post(link, JOIN)):
        assert answer.status_code == 403
        assert "This invitation is for somebody else" in answer.content.decode()
        assert "new@kestrel.example" not in answer.content.decode()
    assert Invitation.objects.get().accepted_at is None


def test_closed_links_say_why(frozen, kestrel, invited, now):
    ran_out, link = invited("a@x.example", at=now - timedelta(days=7))
    assert "has run out" in Client().get(link).content.decode()
    taken, link = invited("b@x.example")
    people.revoke(invitation=taken, actor=kestrel.mina.user, now=now)
    assert "was taken back" in Client().get(link).content.decode()
    _used, link = invited()
    Client().post(link, JOIN)
    replay = Client().post(link, JOIN | {"full_name": "Mallory"})
    assert replay.status_code == 410
    assert "has been accepted" in replay.content.decode()
    assert not User.objects.filter(full_name="Mallory").exists()
    assert Client().get("/invitations/nonsense/").status_code == 404


def test_an_invitation_doesnt_tell_its_sender_who_exists(mina):
    UserFactory(email="known@agency.example")
    said = [
        mina.post("/account/people/invite/", INVITE | {"email": email}, follow=True).content.decode()
        for email in ("known@agency.example", "other@agency.example")
    ]
    assert "An invitation goes to known@agency.example." in said[0]
    assert "An invitation goes to other@agency.example." in said[1]


def test_who_is_removed_is_out_at_once(mina, kestrel, sign_in):
    aoife = sign_in(kestrel.aoife)
    assert aoife.get("/tickets/").status_code == 200
    mina.post(f"/account/people/{kestrel.aoife.pk}/remove/")
    assert "belong to an account yet" in aoife.get("/tickets/").content.decode()


def test_who_leaves_says_so(mina, kestrel):
    answer = mina.post(f"/account/people/{kestrel.mina.pk}/remove/", follow=True)
    assert not Membership.objects.filter(pk=kestrel.mina.pk).exists()
    assert AccountEvent.objects.get().kind == "left"
    assert answer.status_code == 200


def test_next_leads_nowhere_else(kestrel):
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        client = Client()
        answer = client.post(
            reverse("account_login") + f"?next={target}", {"login": kestrel.mina.user.email, "password": PASSWORD}
        )
        assert answer.status_code == 302
        assert "evil" not in answer["Location"]
        assert "javascript" not in answer["Location"]
