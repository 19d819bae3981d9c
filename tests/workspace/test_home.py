"""Home: what one has to do now, and how one's week went (SPEC 2.8)."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Notice
from helpdesk.reports.own import own_figures
from helpdesk.reports.periods import Window
from helpdesk.tickets import services
from helpdesk.tickets.models import Draft, Status
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.sockets import BACKEND

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def team():
    return TeamFactory(name="Content team")


def person(role=StaffRole.SPECIALIST, *, team=None, lead=False):
    user = StaffFactory(full_name="Anna Meier", staff_role=role)
    if team:
        add_to_team(team, user, lead=lead)
    return user


def home(client, user):
    client.force_login(user, backend=BACKEND)
    answer = client.get("/admin/")
    assert answer.status_code == 200
    return answer


def numbers(answer) -> dict[str, str]:
    return {figure.key: figure.shown for figure in answer.context["figures"]}


def owned(user, team=None, *, opened, **values):
    ticket = make_ticket(now=opened, **values)
    return services.assign(ticket=ticket, owner=user, team=team, actor=user or StaffFactory(), now=opened)


def test_a_specialist_sees_their_own_work_by_deadline_and_what_their_teams_have_unassigned(client, team):
    now, anna, other = timezone.now(), person(team=team), StaffFactory()
    later = owned(anna, opened=now - 5 * MINUTE, subject="Later")
    late = owned(anna, opened=now - 61 * MINUTE, subject="Late already")
    soon = owned(anna, opened=now - 50 * MINUTE, subject="Soon due")
    waiting = owned(anna, opened=now - 8 * MINUTE, subject="Waits")
    services.reply(ticket=waiting, actor=anna, body="Which one?", now=now, status=Status.WAITING)
    owned(other, team, opened=now, subject="Somebody else's")
    free = make_ticket(now=now - 3 * MINUTE, subject="Free in my team")
    services.assign(ticket=free, owner=None, team=team, actor=other, now=now)
    make_ticket(now=now, subject="Free elsewhere")
    answer = home(client, anna)
    assert [ticket.pk for ticket in answer.context["mine"]] == [late.pk, soon.pk, later.pk, waiting.pk]
    assert [ticket.pk for ticket in answer.context["free"]] == [free.pk]
    assert numbers(answer) == {"late": "1", "soon": "1", "mine": "4", "waiting": "1", "free": "1", "claims": "0"}
    marks = answer.context["day"]["marks"]
    assert [mark.ticket.pk for mark in marks] == [soon.pk, later.pk]
    assert 2 < marks[0].x < marks[1].x < 10  # 10 and 55 minutes of twelve hours
    page = answer.content.decode()
    assert "Free elsewhere" not in page
    assert "Somebody else" not in page


def test_a_lead_sees_the_teams_numbers_and_a_manager_everybodys(client, team):
    now = timezone.now()
    lead, manager = person(StaffRole.TEAM_LEAD, team=team, lead=True), person(StaffRole.MANAGER)
    late = make_ticket(now=now - 61 * MINUTE)
    services.assign(ticket=late, owner=None, team=team, actor=lead, now=now)
    critical = make_ticket(now=now - 61 * MINUTE, critical=True)
    make_ticket(now=now + 3 * HOUR)
    assert numbers(home(client, lead)) == {
        "late": "1",
        "soon": "0",
        "mine": "0",
        "free": "1",
        "claims": "0",
        "asked": "0",
    }
    answer = home(client, manager)
    assert numbers(answer) == {"late": "2", "soon": "0", "mine": "0", "free": "3", "claims": "1", "asked": "0"}
    assert len(answer.context["free"]) == 3
    assert [ticket.pk for ticket in answer.context["risky"]] == [critical.pk, late.pk]
    assert "Nobody" in answer.content.decode()
    assert "All teams, unassigned" in answer.content.decode()


def test_each_number_leads_to_its_tickets(client, team):
    for role in StaffRole:
        user = person(role, team=team)
        for figure in home(client, user).context["figures"]:
            assert client.get(figure.url).status_code == (
                403 if "exception" in figure.url and role == "specialist" else 200
            )


def test_drafts_escalations_and_news_are_mine_alone(client):
    now, anna, other = timezone.now(), person(), StaffFactory()
    ticket = owned(anna, opened=now - HOUR)
    Draft.objects.create(ticket=ticket, user=anna, body="Dear Mina, I", saved_at=now)
    Draft.objects.create(ticket=ticket, user=other, body="Not Anna's", saved_at=now)
    clock = ticket.clocks.get()
    common = {"clock": clock, "ticket": ticket, "deadline_version": 1, "due_at": now, "detected_at": now}
    Escalation.objects.create(percent=75, told=[anna.pk, other.pk], **common)
    Escalation.objects.create(percent=50, told=[anna.pk], acknowledged_at=now, acknowledged_by=anna, **common)
    Escalation.objects.create(percent=100, told=[other.pk], **common)
    said = {"reference": ticket.reference, "subject": "Forms", "account": "Kestrel", "state": "approved"}
    for key, reader in (("1", anna), ("2", other)):
        Notice.objects.create(key=key, recipient=reader, kind="exception_decided", context=said, created_at=now)
    answer = home(client, anna)
    assert [draft.body for draft in answer.context["drafts"]] == ["Dear Mina, I"]
    assert [row.percent for row in answer.context["escalations"]] == [75]
    assert [row["text"] for row in answer.context["news"]] == [
        f"Exception approved · {ticket.reference} Forms · Kestrel"
    ]


def test_my_figures_count_what_was_mine_guarantee_and_objective_apart(now):
    anna, other = person(), StaffFactory()
    week = Window(now - 7 * 24 * HOUR, now)

    def answered(by, *, opened, after):
        ticket = make_ticket(now=opened)
        services.reply(ticket=ticket, actor=by, body="hello", now=opened + after)

    answered(anna, opened=now - 5 * HOUR, after=10 * MINUTE)
    answered(anna, opened=now - 6 * HOUR, after=40 * MINUTE)
    answered(anna, opened=now - 7 * HOUR, after=30 * MINUTE)
    answered(other, opened=now - 8 * HOUR, after=MINUTE)
    answered(anna, opened=now - 20 * 24 * HOUR, after=MINUTE)  # before the week
    late = owned(anna, opened=now - 3 * HOUR)  # nobody answered it
    services.assign(ticket=late, owner=other, actor=other, now=now - HOUR)  # Anna's when it was due
    figures = own_figures(person=anna, window=week, now=now)
    assert (figures.answered, figures.first_response) == (3, 30 * MINUTE)
    assert (figures.guaranteed.due, figures.guaranteed.met, figures.guaranteed.late) == (4, 3, 1)
    assert figures.guaranteed.is_few
    assert figures.objective.due == 0
    nothing = own_figures(person=StaffFactory(), window=week, now=datetime(2026, 11, 24, 12, 5, tzinfo=UTC))
    assert (nothing.answered, nothing.first_response, nothing.guaranteed.attainment) == (0, None, None)


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD, StaffRole.MANAGER])
def test_its_queries_do_not_grow(client, team, role):
    now, user = timezone.now(), person(role, team=team, lead=role == StaffRole.TEAM_LEAD)
    membership = DesignatedFactory()

    def fill(count):
        for number in range(count):
            ticket = owned(user, team, opened=now - number * MINUTE)
            Draft.objects.create(ticket=ticket, user=user, body="Dear", saved_at=now)
            Escalation.objects.create(
                clock=ticket.clocks.get(), ticket=ticket, deadline_version=1, percent=75, told=[user.pk], due_at=now,
                detected_at=now,
            )  # fmt: skip
            Notice.objects.create(key=str(ticket.pk), recipient=user, kind="exception_asked", created_at=now)
            free = make_ticket(membership, now=now)
            services.assign(ticket=free, owner=None, team=team, actor=user, now=now)

    counted = []
    for count in (1, 29):
        fill(count)
        home(client, user)
        with CaptureQueriesContext(connection) as queries:
            client.get("/admin/")
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 15, [query["sql"][:90] for query in queries]
