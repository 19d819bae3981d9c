"""Every list: the same number of queries for one row and for thirty; and the forms that change people."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import Absence, Account, Membership, OnCallShift, StaffRole, User
from helpdesk.accounts.providers import IdentityProvider
from helpdesk.escalation.models import Escalation
from helpdesk.knowledge.models import Article, Section
from helpdesk.knowledge.services import save_draft
from helpdesk.notifications.models import Alarm, Heartbeat, Notice, OutboxMail
from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.dryrun.services import start_dry_run
from helpdesk.reports.periods import Period
from helpdesk.sla.models import Calendar, CalendarVersion, ExceptionCode, Policy, PolicyVersion, Rollout
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import CustomField
from tests.factories import (
    PASSWORD,
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


@pytest.fixture
def administrator(client):
    person = StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    client.force_login(person)
    return person


def _escalation(number: int, administrator: User, now) -> None:
    ticket = make_ticket(now=now)
    later = now + timedelta(seconds=3)
    Escalation.objects.create(
        clock=ticket.clocks.get(),
        ticket=ticket,
        deadline_version=1,
        percent=50,
        due_at=now,
        detected_at=later,
        told=[administrator.pk, StaffFactory().pk],
        skipped=[{"user": StaffFactory().pk, "until": later.isoformat()}],
        acts={"raise_priority": True, "assign_team": TeamFactory().pk},
    )


def _notice(number: int, administrator: User, now) -> None:
    Notice.objects.create(key=str(number), recipient=administrator, kind="escalation", created_at=now)


def _stretch(model: type, **also):
    def create(number: int, administrator: User, now) -> None:
        begin = now + timedelta(days=number)
        model.objects.create(user=StaffFactory(), starts_at=begin, ends_at=begin + timedelta(hours=8), **also)

    return create


def _alarm(number: int, administrator: User, now) -> None:
    since = now - timedelta(hours=number)
    Alarm.objects.create(name="mail_dead", since=since, until=since + timedelta(minutes=5), detail={"count": number})


def _bundled(number: int, administrator: User, now) -> None:
    digest = OutboxMail.objects.filter(template="escalation_digest").first() or OutboxMail.objects.create(
        key="d", message_id="<d>", to=["a@b.example"], template="escalation_digest", created_at=now
    )
    OutboxMail.objects.create(
        key=str(number),
        message_id=f"<{number}>",
        to=["a@b.example"],
        template="escalation",
        state="bundled",
        digest=digest,
        created_at=now,
    )


def _team(number: int, administrator: User, now) -> None:
    team = TeamFactory()
    add_to_team(team, StaffFactory())
    team.hubs.add(Hub.objects.first())


def _hub(number: int, administrator: User, now) -> None:
    Hub.objects.create(code=f"h{number}", name=f"Hub {number}", position=number).teams.add(TeamFactory())


def _policy(number: int, administrator: User, now) -> None:
    policy = Policy.objects.create(name=f"Policy {number}", position=number)
    document = PolicyVersion.objects.get(policy__name="Callback").document
    PolicyVersion.objects.create(policy=policy, number=1, document=document, created_at=now, created_by=UserFactory())


def _calendar(number: int, administrator: User, now) -> None:
    calendar = Calendar.objects.create(name=f"Calendar {number}")
    definition = CalendarVersion.objects.get(calendar__is_default=True).definition
    CalendarVersion.objects.create(calendar=calendar, number=1, definition=definition, created_at=now)


def _rollout(number: int, administrator: User, now) -> None:
    policy = Policy.objects.first() if number % 2 else None
    calendar = None if policy else Calendar.objects.get(is_default=True)
    Rollout.objects.create(policy=policy, calendar=calendar, reason="r", created_at=now, created_by=UserFactory())


def _dry_run(number: int, administrator: User, now) -> None:
    policy = Policy.objects.first()
    values = {"terms": policy.versions.get().terms, "place": 1, "actor": StaffFactory()}
    day = now.date() - timedelta(days=number)
    period = Period(first=day, last=day, zone=ZoneInfo("UTC"))
    start_dry_run(name=f"Draft {number}", policy=policy, period=period, now=now, **values)
    DryRun.objects.update(state=DryRun.State.DONE)  # few may be under way at once


def _article(number: int, administrator: User, now) -> None:
    section = Section.objects.create(slug=f"s{number}", name="Section")
    article = Article.objects.create(slug=f"a{number}", section=section, hub=Hub.objects.first())
    values = {"title": "Title", "summary": "Summary", "body": "Text", "actor": administrator}
    save_draft(article=article, language="en", now=now, seen_at=None, **values)


def _provider(number: int, administrator: User, now) -> None:
    provider = IdentityProvider.objects.create(account=AccountFactory(), name=f"Provider {number}")
    provider.domains.create(domain=f"d{number}.example")


ROWS = {
    "escalation": _escalation,
    "notice": _notice,
    "account": lambda number, administrator, now: SubscriptionFactory(),
    "user": lambda number, administrator, now: UserFactory(),
    "team": _team,
    "hub": _hub,
    "customfield": lambda number, administrator, now: CustomField.objects.create(
        code=f"f{number}", label="Field", hub=Hub.objects.first()
    ),
    "policy": _policy,
    "calendar": _calendar,
    "rollout": _rollout,
    "dryrun": _dry_run,
    "article": _article,
    "section": lambda number, administrator, now: Section.objects.create(slug=f"s{number}", name="Section"),
    "exceptioncode": lambda number, administrator, now: ExceptionCode.objects.create(
        code=f"c{number}", name="Code", effects=["void"]
    ),
    "identityprovider": _provider,
    "ticket": lambda number, administrator, now: make_ticket(now=now),
    "outboxmail": _bundled,
    "alarm": _alarm,
    "absence": _stretch(Absence),
    "oncallshift": lambda number, administrator, now: _stretch(OnCallShift, team=TeamFactory())(
        number, administrator, now
    ),
    "heartbeat": lambda number, administrator, now: Heartbeat.objects.create(name=f"job {number}", at=now),
}


@pytest.mark.parametrize("model", ROWS)
def test_a_list_costs_the_same_for_one_row_and_for_thirty(client, administrator, model):
    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/admin/helpdesk/{model}/").status_code == 200
        for query in caught:  # the list itself is read up to a page's end, and never counted
            if f'FROM "helpdesk_{model}"' in query["sql"]:
                assert "COUNT(*)" not in query["sql"]
        return len(caught)

    ROWS[model](100, administrator, timezone.now())
    count()
    one = count()
    for number in range(101, 130):
        ROWS[model](number, administrator, timezone.now())
    assert count() == one
    assert one <= 12


@pytest.mark.parametrize("role", [StaffRole.ADMINISTRATOR, StaffRole.SPECIALIST])
def test_an_account_costs_the_same_however_many_hubs_and_people_it_has(client, role):
    client.force_login(StaffFactory(staff_role=role))
    account = AccountFactory()

    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(f"/admin/helpdesk/account/{account.pk}/change/").status_code == 200
        return len(caught)

    def grow(times: int) -> None:
        for _number in range(times):
            MembershipFactory(account=account)
            SubscriptionFactory(account=account)

    grow(1)
    count()
    one = count()
    grow(29)
    assert count() == one


def account_form(account: Account, **rows) -> dict[str, str]:
    data = {"name": account.name, "time_zone": account.time_zone, "calendar": ""}
    for prefix in ("subscriptions", "memberships"):
        data |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    return data | rows


def test_a_person_joins_an_account_by_their_address(client, administrator):
    account, person = AccountFactory(), UserFactory(email="mina@kestrel.example")
    row = {"memberships-TOTAL_FORMS": "1", "memberships-0-user": " Mina@Kestrel.example ", "memberships-0-role": "user"}
    answer = client.post(f"/admin/helpdesk/account/{account.pk}/change/", account_form(account, **row))
    assert answer.status_code == 302
    assert Membership.objects.get(account=account).user == person


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"memberships-0-user": "nobody@kestrel.example"}, "Nobody has this address."),
        ({"memberships-0-user": "x\x00y@z"}, "Null characters"),
        ({"memberships-0-user": "mina@kestrel.example", "memberships-0-is_designated": "on"}, "Only a super admin"),
    ],
)
def test_a_wrong_row_is_said_and_kept(client, administrator, row, said):
    account = AccountFactory()
    UserFactory(email="mina@kestrel.example")
    rows = {"memberships-TOTAL_FORMS": "1", "memberships-0-role": "user", **row}
    answer = client.post(f"/admin/helpdesk/account/{account.pk}/change/", account_form(account, **rows))
    assert answer.status_code == 200
    page = answer.content.decode()
    assert said in page
    assert row["memberships-0-user"].split("\x00")[0] in page


def test_an_administrator_adds_a_person_who_can_sign_in(client, administrator):
    data = {
        "email": "New.Person@Premium.example",
        "full_name": "New Person",
        "staff_role": "specialist",
        "language": "en",
        "time_zone": "Europe/Berlin",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert client.post("/admin/helpdesk/user/add/", data).status_code == 302
    person = User.objects.get(email="new.person@premium.example")
    assert person.check_password(PASSWORD)
    again = client.post("/admin/helpdesk/user/add/", {**data, "time_zone": "Mars/Olympus"}).content.decode()
    assert "is not a time zone" in again
    assert "already exists" in again
    assert client.get(f"/admin/helpdesk/user/{person.pk}/history/").status_code == 200
    assert client.get(f"/admin/helpdesk/user/{person.pk}/password/").status_code == 200


def test_only_staff_join_a_team(client, administrator):
    team, customer = TeamFactory(), UserFactory()
    data = {"name": team.name, "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0"}
    answer = client.post(f"/admin/helpdesk/team/{team.pk}/change/", {**data, "memberships-0-user": customer.email})
    assert "Only members of staff belong to a team." in answer.content.decode()


def test_a_policy_is_told_in_sentences(client, administrator):
    policy = Policy.objects.get(position=0)
    page = client.get(f"/admin/helpdesk/policy/{policy.pk}/change/").content.decode()
    assert "First response: 30 minutes, guaranteed, counted at all hours" in page
    assert "At 75 % of the time: the team lead" in page
    assert "Then again every 30 minutes, while unanswered" in page


def test_calendars_are_told_in_words(client, administrator):
    page = client.get("/admin/helpdesk/calendar/").content.decode()
    assert "Monday to Friday: 09:00–17:00" in page
    assert "Saturday" not in page


def test_on_a_phone_each_cell_of_a_list_says_what_its_column_is_called(client, administrator):
    Notice.objects.create(key="1", recipient=administrator, kind="escalation", created_at=timezone.now())
    add_to_team(TeamFactory(name="Content <team>"), StaffFactory(full_name="Olu Adeyemi"), lead=True)
    teams = client.get("/admin/helpdesk/team/").content.decode()
    assert '<th data-label="Name" class="field-name"><a' in teams
    assert '<td data-label="Members" class="field-people">Olu Adeyemi (lead)</td>' in teams
    assert '<td data-label="Hubs" data-empty class="field-served">-</td>' in teams  # a card leaves it out
    assert '<td class="action-checkbox">' in client.get("/admin/helpdesk/notice/").content.decode()


def test_an_empty_list_says_what_there_is_none_of(client, administrator):
    assert "<h2>No absences</h2>" in client.get("/admin/helpdesk/absence/").content.decode()


def test_the_operators_lists_speak_in_words(client, administrator):
    now = timezone.now()
    OutboxMail.objects.create(key="m", message_id="<m>", to=["a@b.example"], template="call_given_up", created_at=now)
    assert "Call that was given up</td>" in client.get("/admin/helpdesk/outboxmail/").content.decode()
    Heartbeat.objects.create(name="verify", at=now, detail={"by_fold": 0, "checked": 515, "examples": [1, 2]})
    assert "by fold 0, checked 515, examples 2</td>" in client.get("/admin/helpdesk/heartbeat/").content.decode()
