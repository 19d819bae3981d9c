"""The rights table of the workspace: every page × every role, and the way in (SPEC 2.1)."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from helpdesk.accounts.models import Absence, OnCallShift, StaffRole
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.escalation.manager_requests import ask_manager
from helpdesk.escalation.models import Escalation
from helpdesk.knowledge.models import Article, Section
from helpdesk.notifications.models import Alarm, Delivery, Heartbeat, Notice, OutboxMail
from helpdesk.reports.dryrun.services import start_dry_run
from helpdesk.reports.periods import Period
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import Calendar, ExceptionCode, Policy
from helpdesk.tickets.models import CannedReply, CustomField, Macro, Rating
from helpdesk.tickets.services import Wish, request_exception
from helpdesk.tickets.services.rollouts import start_rollout
from helpdesk.workspace.rights import RIGHTS, Act, may
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, UserFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
SPECIALIST, LEAD, MANAGER, ADMINISTRATOR = StaffRole
OK, NO, GONE, METHOD = 200, 403, 404, 405

# model: who sees the list, who adds.
ALL = set(StaffRole)
MANAGING = {MANAGER, ADMINISTRATOR}
PAGES = {
    "ticket": (ALL, set()),
    "escalation": (ALL, set()),
    "managerrequest": (ALL, set()),
    "rating": (ALL, set()),
    "clockexception": (ALL - {SPECIALIST}, set()),
    "exceptioncode": (ALL - {SPECIALIST}, MANAGING),
    "notice": (ALL, set()),
    "account": (ALL, {ADMINISTRATOR}),
    "user": (ALL, {ADMINISTRATOR}),
    "identityprovider": ({ADMINISTRATOR}, {ADMINISTRATOR}),
    "team": (ALL, {ADMINISTRATOR}),
    "customfield": (MANAGING, MANAGING),
    "hub": (ALL, {ADMINISTRATOR}),
    "policy": (MANAGING, MANAGING),
    "rollout": (MANAGING, set()),
    "dryrun": (MANAGING, set()),
    "calendar": (MANAGING, MANAGING),
    "outboxmail": (MANAGING, set()),
    "heartbeat": (MANAGING, set()),
    "absence": (ALL, ALL),
    "oncallshift": (ALL, {LEAD, MANAGER, ADMINISTRATOR}),
    "alarm": (MANAGING, set()),
    "article": (ALL, ALL),
    "section": (ALL, ALL - {SPECIALIST}),
    "cannedreply": (ALL, ALL),
    "macro": (ALL, ALL),
}
DELETED = ("absence", "oncallshift", "cannedreply", "macro")  # one's own; the rest stays for ever


@pytest.fixture
def world(now):
    """One object of each kind; its key by model name."""
    ticket = make_ticket(now=now)
    clock = ticket.clocks.get()
    escalation = Escalation.objects.create(
        clock=clock, ticket=ticket, deadline_version=1, percent=50, due_at=now, detected_at=now
    )
    section = Section.objects.create(slug="problems", name="Problems")
    return {
        "ticket": ticket.pk,
        "escalation": escalation.pk,
        "managerrequest": _asked(ticket, now),
        "rating": _rated(ticket, now),
        "clockexception": _exception(clock, now),
        "exceptioncode": "third-party",
        "notice": 0,
        "account": ticket.account_id,
        "user": ticket.requester_id,
        "identityprovider": IdentityProvider.objects.create(account=ticket.account, name="Kestrel").pk,
        "team": TeamFactory().pk,
        "hub": "content",
        "customfield": CustomField.objects.create(code="seats", label="Seats").pk,
        "policy": Policy.objects.first().pk,
        "rollout": start_rollout(policy=Policy.objects.first(), reason="", actor=None, now=now).pk,
        "dryrun": _tried(now),
        "calendar": Calendar.objects.get().pk,
        "outboxmail": OutboxMail.objects.first().pk,
        "heartbeat": Heartbeat.objects.create(name="sweep", at=now).pk,
        "absence": 0,
        "oncallshift": OnCallShift.objects.create(
            user=StaffFactory(), team=TeamFactory(), starts_at=now, ends_at=now + timedelta(hours=8)
        ).pk,
        "alarm": Alarm.objects.create(name="mail_dead", since=now, detail={"count": 1}).pk,
        "section": section.pk,
        "article": Article.objects.create(slug="forms", section=section).pk,
        "cannedreply": 0,
        "macro": 0,
    }


def _exception(clock, now) -> int:
    code = ExceptionCode.objects.get(code="third-party")
    wish = Wish(effect=Effect.VOID)
    asker = StaffFactory()
    return request_exception(clock=clock, code=code, wish=wish, evidence="Log.", actor=asker, now=now).pk


def _tried(now) -> int:
    policy = Policy.objects.first()
    day = now.date()
    return start_dry_run(
        name=policy.name,
        policy=policy,
        terms=policy.versions.get().terms,
        period=Period(first=day, last=day, zone=ZoneInfo("UTC")),
        actor=StaffFactory(),
        now=now,
    ).pk


def _asked(ticket, now) -> int:
    return ask_manager(ticket=ticket, actor=ticket.requester, reason="Nobody answers.", now=now).pk


def _rated(ticket, now) -> int:
    return Rating.objects.create(ticket=ticket, by=ticket.requester, score=4, rated_at=now, changed_at=now).pk


def enter(role: str) -> tuple[Client, object]:
    person, client = StaffFactory(staff_role=role), Client()
    client.force_login(person)
    return client, person


def test_every_page_is_in_the_table():
    assert {model._meta.model_name for model in admin.site._registry} == set(PAGES)


@pytest.mark.parametrize("role", StaffRole)
@pytest.mark.parametrize("model", PAGES)
def test_each_role_reaches_what_the_table_says(world, now, role, model):
    client, person = enter(role)
    if model == "notice":
        world["notice"] = Notice.objects.create(key="k", recipient=person, kind="escalation", created_at=now).pk
    if model == "rating":  # a specialist's are those of their own answers
        Rating.objects.update(specialist=person)
    if model == "absence":
        world["absence"] = Absence.objects.create(user=person, starts_at=now, ends_at=now + timedelta(hours=8)).pk
    if model in ("cannedreply", "macro"):
        kind = {"cannedreply": CannedReply, "macro": Macro}[model]
        world[model] = kind.objects.create(name="Mine", owner=person).pk
    if role == LEAD and model == "oncallshift":
        add_to_team(OnCallShift.objects.get().team, person, lead=True)
    seen, added = PAGES[model]
    root = f"/admin/helpdesk/{model}/"
    assert client.get(root).status_code == (OK if role in seen else NO)
    assert client.get(f"{root}add/").status_code == (OK if role in added else NO)
    assert client.get(f"{root}{world[model]}/change/").status_code == (OK if role in seen else NO)
    deleted = model in DELETED and role in added
    answer = client.post(f"{root}{world[model]}/delete/", {"post": "yes"})
    assert answer.status_code == (302 if deleted else NO)


@pytest.mark.parametrize("model", ["account", "user", "team", "hub"])
@pytest.mark.parametrize("role", [SPECIALIST, LEAD, MANAGER])
def test_only_administrators_change_people_and_companies(world, model, role):
    client, _person = enter(role)
    answer = client.post(f"/admin/helpdesk/{model}/{world[model]}/change/", {"name": "Taken over"})
    assert answer.status_code == NO


@pytest.mark.parametrize("role", [SPECIALIST, LEAD, MANAGER])
def test_nobody_else_sets_a_password(world, role):
    client, _person = enter(role)
    url = f"/admin/helpdesk/user/{world['user']}/password/"
    assert client.get(url).status_code == NO
    assert client.post(url, {"password1": "a long new one", "password2": "a long new one"}).status_code == NO


def test_who_may_only_look_sees_no_password_hash(world):
    client, _person = enter(SPECIALIST)
    page = client.get(f"/admin/helpdesk/user/{world['user']}/change/").content.decode()
    assert "password" not in page.lower().replace("/accounts/password/change/", "").replace("change the password", "")


def test_customers_and_strangers_never_learn_that_it_exists(world):
    customer = DesignatedFactory().user
    signed_in, anonymous = Client(), Client()
    signed_in.force_login(customer)
    for model in PAGES:
        for path in (f"/admin/helpdesk/{model}/", f"/admin/helpdesk/{model}/{world[model]}/change/", "/admin/"):
            assert signed_in.get(path).status_code == GONE
            assert signed_in.post(path).status_code == GONE
            answer = anonymous.get(path, follow=True)
            assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=/admin/")


def test_staff_without_a_second_factor_are_sent_to_set_one_up(settings, world):
    settings.STAFF_MFA_REQUIRED = True
    for role in StaffRole:
        client, person = enter(role)
        for path in ("/admin/", "/admin/helpdesk/ticket/", f"/admin/helpdesk/ticket/{world['ticket']}/change/"):
            answer = client.get(path, follow=True)
            assert answer.redirect_chain[-1][0] == "/accounts/2fa/"
        assert client.post(f"/admin/helpdesk/ticket/{world['ticket']}/assign/", {"owner": "me"}).status_code == 302
        assert not person.owned_tickets.exists()
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
        assert client.get("/admin/helpdesk/ticket/").status_code == OK


def test_an_inactive_member_of_staff_is_out(world):
    client, person = enter(ADMINISTRATOR)
    person.is_active = False
    person.save()
    assert client.get("/admin/helpdesk/ticket/").status_code == 302


def test_signing_in_comes_back_to_the_page_and_to_no_other_site():
    answer = Client().get("/admin/helpdesk/ticket/?view=near", follow=True)
    assert answer.redirect_chain[-1][0].endswith("next=/admin/helpdesk/ticket/%3Fview%3Dnear")
    answer = Client().get("/admin/login/?next=https://evil.example/", follow=True)
    assert "evil" not in answer.redirect_chain[-1][0]


def test_pages_of_other_packages_are_not_offered():
    client, _person = enter(ADMINISTRATOR)
    page = client.get("/admin/administration/").content.decode()
    assert "Authenticators" not in page
    assert client.get("/admin/auth/group/").status_code == GONE
    assert client.get("/admin/mfa/authenticator/").status_code == GONE


@pytest.mark.parametrize("role", StaffRole)
def test_the_navigation_offers_only_pages_that_open(role):
    client, _person = enter(role)
    entries = client.get("/admin/helpdesk/ticket/").context["nav"]
    assert {client.get(entry["url"]).status_code for entry in entries} == {OK}
    assert ("/admin/reports/breaches/" in [entry["url"] for entry in entries]) == (role in MANAGING)


def test_the_table_gives_customers_nothing():
    customer = UserFactory()
    assert not any(may(customer, act, what) for act in Act for what in RIGHTS)


@pytest.mark.parametrize("role", StaffRole)
def test_acknowledging_and_sending_again(world, role, now):
    client, person = enter(role)
    assert client.get(f"/admin/helpdesk/escalation/{world['escalation']}/acknowledge/").status_code == METHOD
    client.post(f"/admin/helpdesk/escalation/{world['escalation']}/acknowledge/")
    assert Escalation.objects.get().acknowledged_by == person
    mail = OutboxMail.objects.get(pk=world["outboxmail"])
    OutboxMail.objects.filter(pk=mail.pk).update(state=Delivery.DEAD)
    data = {"action": "send_chosen_again", "index": "0", "_selected_action": mail.pk}
    client.post("/admin/helpdesk/outboxmail/", data)
    mail.refresh_from_db()
    assert (mail.state == Delivery.PENDING) == (role == ADMINISTRATOR)


def test_a_notice_belongs_to_its_reader(now):
    client, person = enter(SPECIALIST)
    mine = Notice.objects.create(key="a", recipient=person, kind="escalation", context={"percent": 50}, created_at=now)
    theirs = Notice.objects.create(key="b", recipient=StaffFactory(), kind="escalation", created_at=now)
    assert client.get("/admin/helpdesk/notice/").context["cl"].result_list == [mine]
    assert client.get(f"/admin/helpdesk/notice/{theirs.pk}/change/").status_code == 302
    assert client.post(f"/admin/helpdesk/notice/{theirs.pk}/read/").status_code == GONE
    assert client.post(f"/admin/helpdesk/notice/{mine.pk}/read/").status_code == 302
    assert list(Notice.objects.filter(read_at=None)) == [theirs]
    Notice.objects.create(key="c", recipient=person, kind="escalation", created_at=timezone.now())
    client.post("/admin/helpdesk/notice/read-all/")
    assert list(Notice.objects.filter(read_at=None)) == [theirs]
