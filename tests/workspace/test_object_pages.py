"""The pages of one object: two people with it open, what is not there, its history, its end."""

from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from helpdesk.accounts.models import Absence, Account, Membership, OnCallShift, StaffRole, Team, TeamMembership, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.escalation.models import Escalation
from helpdesk.knowledge.models import Section
from helpdesk.notifications.models import Alarm, Delivery, Heartbeat, Notice, OutboxMail
from helpdesk.sla.models import ExceptionCode
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import CannedReply, CustomField, Macro, SearchText
from tests.factories import (
    AccountFactory,
    MembershipFactory,
    StaffFactory,
    SubscriptionFactory,
    TeamFactory,
    UserFactory,
    add_to_team,
    make_ticket,
)

pytestmark = pytest.mark.django_db
ROOT = "/admin/helpdesk/"
HOURS = timedelta(hours=8)


class _Form(HTMLParser):
    """What a browser would send of a page's main form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self.reads, self.select, self.text = False, "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        has = dict(attrs)
        if tag == "form":
            self.reads = has.get("id", "").endswith("_form")
        if not self.reads:
            return
        name = has.get("name", "")
        if tag == "input" and name and has.get("type") not in ("submit", "file"):
            if has.get("type") not in ("checkbox", "radio") or "checked" in has:
                self.data.setdefault(name, []).append(has.get("value", ""))
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and ("selected" in has or self.select not in self.data):
            self.data[self.select] = [has["value"]]  # the first one, where none is chosen
        elif tag == "textarea":
            self.text = name
            self.data[name] = [""]

    def handle_endtag(self, tag):
        self.select = "" if tag == "select" else self.select
        self.text = "" if tag == "textarea" else self.text

    def handle_data(self, data):
        if self.text:
            self.data[self.text][0] += data.removeprefix("\n")


def signed_in(role: str = StaffRole.ADMINISTRATOR, **also) -> Client:
    client = Client()
    client.force_login(StaffFactory(staff_role=role, **also))
    return client


def opened(client: Client, path: str) -> dict[str, list[str]]:
    answer = client.get(path)
    assert answer.status_code == 200
    return _Form(answer.content.decode()).data


def _account() -> Account:
    account = AccountFactory(name="Kestrel")
    SubscriptionFactory(account=account)
    MembershipFactory(account=account)
    return account


def _team() -> Team:
    team = TeamFactory(name="Content")
    add_to_team(team, StaffFactory())
    return team


def _stretch(model):
    now = timezone.now().replace(second=0, microsecond=0)
    return model.objects.create(user=StaffFactory(), starts_at=now, ends_at=now + HOURS)


# model: how one is made, and a field that two people change: (name of the field, hers, his).
EDITED: dict[str, tuple[Callable, tuple[str, str, str]]] = {
    "account": (_account, ("name", "Kestrel Freight", "Kestrel Group")),
    "user": (lambda: UserFactory(full_name="Mina"), ("full_name", "Mina Okafor", "M. Okafor")),
    "team": (_team, ("name", "Content team", "Content and web")),
    "hub": (lambda: Hub.objects.get(code="content"), ("name", "Content", "CMS")),
    "customfield": (
        lambda: CustomField.objects.create(code="seats", label="Seats"),
        ("label", "Licences", "Number of seats"),
    ),
    "exceptioncode": (lambda: ExceptionCode.objects.get(code="third-party"), ("name", "Supplier", "Vendor")),
    "section": (lambda: Section.objects.create(slug="start", name="Start"), ("name", "First steps", "Begin")),
    "cannedreply": (lambda: CannedReply.objects.create(name="Thanks", body="x"), ("body", "Thank you.", "Cheers.")),
    "macro": (
        lambda: Macro.objects.create(name="Wait", acts=[{"do": "status", "status": "waiting"}]),
        ("name", "Set waiting", "Park"),
    ),
    "absence": (lambda: _stretch(Absence), ("note", "Holiday", "Training")),
    "oncallshift": (lambda: _stretch(OnCallShift), ("team", "", "")),
    "identityprovider": (
        lambda: IdentityProvider.objects.create(
            account=AccountFactory(), name="Kestrel", issuer="https://login.kestrel.example", client_id="abc"
        ),
        ("name", "Kestrel SSO", "Kestrel login"),
    ),
}


def test_every_model_that_is_edited_is_tried_here():
    own = {"ticket", "article", "calendar", "policy"}  # have pages and conflicts of their own
    edited = {
        model._meta.model_name
        for model, page in admin.site._registry.items()
        if type(page).has_delete_permission is not admin.site._registry[Alarm].__class__.has_delete_permission
    }
    assert edited - own == set(EDITED)


@pytest.mark.parametrize("model", EDITED)
def test_nobodys_edit_silently_replaces_anothers(model):
    make, (field, hers, his) = EDITED[model]
    if model == "oncallshift":
        hers, his = str(TeamFactory().pk), str(TeamFactory().pk)
    obj = make()
    path = f"{ROOT}{model}/{obj.pk}/change/"
    ada, ben = signed_in(full_name="Ada Berg"), signed_in(full_name="Ben Roth")
    if model == "identityprovider":
        obj.domains.create(domain="kestrel.example")
    her_page, his_page = opened(ada, path), opened(ben, path)
    assert ada.post(path, her_page | {field: [hers]}).status_code == 302
    late = ben.post(path, his_page | {field: [his]})
    assert late.status_code == 200
    text = late.content.decode()
    assert "Ada Berg saved this at" in text
    assert "Changed meanwhile:" in text
    obj.refresh_from_db()
    value = getattr(obj, f"{field}_id" if field == "team" else field)
    assert str(value) == hers  # hers stands
    again = _Form(text).data
    assert again[field] == [his]  # his is still typed
    assert ben.post(path, again).status_code == 302  # and goes in its place, now that he knows
    obj.refresh_from_db()
    assert str(getattr(obj, f"{field}_id" if field == "team" else field)) == his


def test_rows_that_changed_meanwhile_are_told_too_and_an_unchanged_page_saves():
    team, path = _team(), None
    path = f"{ROOT}team/{team.pk}/change/"
    lead = signed_in()
    page = opened(lead, path)
    TeamMembership.objects.update(is_lead=True)
    late = lead.post(path, page | {"name": ["Web"]}).content.decode()
    assert "Changed meanwhile: team members." in late
    assert TeamMembership.objects.get().is_lead
    assert lead.post(path, opened(lead, path) | {"name": ["Web"]}).status_code == 302


def test_somebody_who_joined_meanwhile_stays_and_one_who_left_does_not_come_back():
    account = _account()
    path, client = f"{ROOT}account/{account.pk}/change/", signed_in()
    page = opened(client, path)
    left = account.memberships.get()
    left.delete()
    joined = MembershipFactory(account=account)
    late = client.post(path, page | {"name": ["Kestrel Freight"]})
    assert "Changed meanwhile: memberships." in late.content.decode()
    assert list(Membership.objects.filter(account=account)) == [joined]
    account.refresh_from_db()
    assert account.name == "Kestrel"


@pytest.mark.parametrize("who", ["team", "account"])
def test_somebody_who_is_in_it_already_is_not_added_twice(who):
    obj = _team() if who == "team" else _account()
    person = obj.memberships.get().user
    path, client = f"{ROOT}{who}/{obj.pk}/change/", signed_in()
    page = opened(client, path)
    extra = {"memberships-TOTAL_FORMS": ["2"], "memberships-1-user": [person.email], "memberships-1-role": ["user"]}
    answer = client.post(path, page | extra)
    assert answer.status_code == 200
    assert obj.memberships.count() == 1
    for forged in ("-1", "0"):
        answer = client.post(path, page | {"memberships-INITIAL_FORMS": [forged]})
        assert "This form was changed on its way." in answer.content.decode()
    assert obj.memberships.count() == 1


def test_of_two_administrators_one_stays():
    one = StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    client = Client()
    client.force_login(one)
    path = f"{ROOT}user/{one.pk}/change/"
    page = opened(client, path)
    page.pop("is_active")
    assert "This is the last administrator." in client.post(path, page).content.decode()
    StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    assert client.post(path, page).status_code == 302


@pytest.mark.parametrize("model", ["cannedreply", "macro"])
def test_a_form_that_is_sent_twice_makes_one(model):
    client, kind = signed_in(), {"cannedreply": CannedReply, "macro": Macro}[model]
    path = f"{ROOT}{model}/add/"
    page = opened(client, path) | {"name": ["Thanks"], "body": ["Thank you."], "note": ["Seen."]}
    assert client.post(path, page).status_code == 302
    assert "There is one of this name already." in client.post(path, page).content.decode()
    assert kind.objects.filter(name="Thanks").count() == 1
    assert client.post(path, page | {"audience": ["all"]}).status_code == 302  # another one's list


@pytest.mark.parametrize("model", [*EDITED, "alarm", "outboxmail"])
@pytest.mark.parametrize("key", ["999999", "9" * 30, "abc", "%00", "_5F"])
@pytest.mark.parametrize("act", ["change", "history", "delete"])
def test_what_is_not_there_leads_to_its_list_and_never_to_an_error(model, key, act):
    answer = signed_in().get(f"{ROOT}{model}/{key}/{act}/")
    if act == "change" or answer.status_code == 302:
        assert (answer.status_code, answer["Location"]) == (302, f"{ROOT}{model}/")
    else:
        assert answer.status_code in (403, 404)


def test_the_history_says_who_changed_what_and_shows_no_pages_that_are_not_there():
    account, client = _account(), signed_in(full_name="Ada Berg")
    path = f"{ROOT}account/{account.pk}/"
    assert "Nobody has changed it here yet." in client.get(f"{path}history/").content.decode()
    client.post(f"{path}change/", opened(client, f"{path}change/") | {"name": ["Kestrel Freight"]})
    page = client.get(f"{path}history/").content.decode()
    assert "<td>Changed Name" in page
    assert "<td>Ada Berg</td>" in page
    assert "?p=" not in page
    user, kind = User.objects.get(full_name="Ada Berg"), LogEntry.objects.get().content_type
    LogEntry.objects.bulk_create(
        LogEntry(user=user, content_type=kind, object_id=str(account.pk), action_flag=2) for _number in range(60)
    )
    assert 'href="?p=2"' in client.get(f"{path}history/").content.decode()
    assert 'href="?p=1"' in client.get(f"{path}history/?p=2").content.decode()
    assert client.get(f"{path}history/?p=9999999").status_code == 200


def test_what_only_services_write_offers_no_history_and_no_button_that_cannot_work(now):
    ticket = make_ticket(now=now)
    client = signed_in()
    escalation = Escalation.objects.create(
        clock=ticket.clocks.get(), ticket=ticket, deadline_version=1, percent=50, due_at=now, detected_at=now
    )
    alarm = Alarm.objects.create(name="mail_dead", since=now, detail={"count": 1})
    for model, pk in (("escalation", escalation.pk), ("alarm", alarm.pk)):
        page = client.get(f"{ROOT}{model}/{pk}/change/").content.decode()
        assert "/history/" not in page
        assert "/delete/" not in page
        assert 'name="_save"' not in page
    acknowledge = f'formaction="{ROOT}escalation/{escalation.pk}/acknowledge/"'
    page = f"{ROOT}escalation/{escalation.pk}/change/"
    assert acknowledge in client.get(page).content.decode()
    client.post(f"{ROOT}escalation/{escalation.pk}/acknowledge/")
    after = client.get(page).content.decode()
    assert acknowledge not in after
    assert "Acknowledged by" in after


def test_a_mail_that_was_given_up_is_sent_again_from_its_own_page(now):
    mail = OutboxMail.objects.create(
        key="m", message_id="<m>", to=["a@b.example"], template="reply", state=Delivery.DEAD, created_at=now
    )
    path = f"{ROOT}outboxmail/{mail.pk}/change/"
    assert "Send again" not in signed_in(StaffRole.MANAGER).get(path).content.decode()
    client = signed_in()
    page = client.get(path).content.decode()
    assert "Send again" in page
    assert "Reply" in page
    data = _Form(page).data
    client.post(f"{ROOT}outboxmail/", {**data, "action": "send_chosen_again"})
    mail.refresh_from_db()
    assert mail.state == Delivery.PENDING
    assert "Send again" not in client.get(path).content.decode()


def test_a_deletion_says_what_it_means_and_lists_nothing():
    client = signed_in()
    absence = _stretch(Absence)
    page = client.get(f"{ROOT}absence/{absence.pk}/delete/").content.decode()
    assert "<h1>Delete absence</h1>" in page
    assert "Escalations go to this person again." in page
    assert "Summary" not in page
    assert client.post(f"{ROOT}absence/{absence.pk}/delete/", {"post": "yes"}).status_code == 302
    second = client.post(f"{ROOT}absence/{absence.pk}/delete/", {"post": "yes"}, follow=True)
    assert "This absence is not here any more" in second.content.decode()


def test_the_page_of_a_person_shows_no_part_of_their_password_and_where_they_belong():
    person = MembershipFactory(account=AccountFactory(name="Kestrel")).user
    page = signed_in().get(f"{ROOT}user/{person.pk}/change/").content.decode()
    assert "algorithm" not in page
    assert person.password.rpartition("$")[2][:6] not in page
    assert "Kestrel</a>" in page
    assert f"{ROOT}user/{person.pk}/password/" in page
    seen = signed_in(StaffRole.SPECIALIST).get(f"{ROOT}user/{person.pk}/change/").content.decode()
    assert f"{person.pk}/password/" not in seen


def test_a_person_who_was_renamed_is_found_by_the_new_name(now):
    ticket = make_ticket(now=now)
    path, client = f"{ROOT}user/{ticket.requester_id}/change/", signed_in()
    client.post(path, opened(client, path) | {"full_name": ["Zoe Quillfeather"]})
    assert "quillfeather" in str(SearchText.objects.get(ticket=ticket).words)


def test_notices_jobs_and_alarms_speak_in_words(now):
    client = Client()
    person = StaffFactory(staff_role=StaffRole.MANAGER, time_zone="Europe/Berlin")
    client.force_login(person)
    notice = Notice.objects.create(
        key="k", recipient=person, kind="escalation", context={"reference": "PS-1"}, created_at=now
    )
    page = client.get(f"{ROOT}notice/{notice.pk}/change/").content.decode()
    assert "Notice of 24 November 2026 13:05" in page  # their own time
    assert "{&quot;reference" not in page
    beat = Heartbeat.objects.create(name="watchdog", at=now, detail={"open": [], "sent": None, "stands_in": False})
    page = client.get(f"{ROOT}heartbeat/{beat.pk}/change/").content.decode()
    assert "alarms open 0, sweeps itself no</div>" in page
    assert "<h1>watchdog</h1>" in page
    assert "Watchdog</td>" in client.get(f"{ROOT}heartbeat/").content.decode()


def test_an_administrator_sets_a_password_or_takes_it_away():
    person, client = UserFactory(), signed_in()
    path = f"{ROOT}user/{person.pk}/password/"
    page = opened(client, path)
    wrong = client.post(path, page | {"password1": ["brief"], "password2": ["brief"]})
    assert "at least" in wrong.content.decode()
    new = {"password1": ["quite another horse"], "password2": ["quite another horse"]}
    assert client.post(path, page | new).status_code == 302
    person.refresh_from_db()
    assert person.check_password("quite another horse")
    assert client.post(path, page | {"usable_password": ["false"]}).status_code == 302
    person.refresh_from_db()
    assert not person.has_usable_password()


def test_a_refused_form_keeps_the_saved_name_on_top_and_nobody_reads_none():
    account, client = _account(), signed_in()
    path = f"{ROOT}account/{account.pk}/change/"
    page = opened(client, path)
    answer = client.post(path, page | {"name": ["Taken over"], "time_zone": ["Mars/Olympus"]}).content.decode()
    assert "<h1>Kestrel</h1>" in answer
    assert 'value="Taken over"' in answer
    canned = CannedReply.objects.create(name="Thanks", body="x")
    seen = signed_in(StaffRole.SPECIALIST).get(f"{ROOT}cannedreply/{canned.pk}/change/").content.decode()
    assert "None" not in seen
    assert "view-only" in seen
