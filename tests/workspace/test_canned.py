"""Canned replies and macros: who writes which, who sees them, and what a form refuses."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.tickets.models import CannedReply, Macro
from tests.factories import StaffFactory, TeamFactory, add_to_team

pytestmark = pytest.mark.django_db
CANNED, MACROS = "/admin/helpdesk/cannedreply/", "/admin/helpdesk/macro/"
EMPTY = dict.fromkeys(
    ("status", "priority", "owner_of_ticket", "to_team", "tags_to_add", "tags_to_remove", "note", "reply"), ""
)


@pytest.fixture
def team():
    return TeamFactory(name="Content team")


@pytest.fixture
def sign_in(client, team):
    def as_role(role=StaffRole.SPECIALIST, *, leads=False):
        person = StaffFactory(staff_role=role)
        add_to_team(team, person, lead=leads)
        client.force_login(person)
        return person

    return as_role


def write(client, path=CANNED + "add/", **values):
    data = {"name": "Thanks", "body": "Thank you.", "language": "en", "audience": "me", "is_active": "on"} | values
    return client.post(path, data)


def test_everybody_writes_their_own(client, sign_in):
    person = sign_in()
    assert write(client, shortcut="Thanks", body="Hello {{ requester.first_name }}\r\n\r\nBye").status_code == 302
    canned = CannedReply.objects.get()
    assert (canned.owner, canned.team, canned.created_by) == (person, None, person)
    assert (canned.shortcut, canned.body) == ("thanks", "Hello {{ requester.first_name }}\n\nBye")


@pytest.mark.parametrize(
    ("role", "leads", "offered"),
    [
        (StaffRole.SPECIALIST, False, ["me"]),
        (StaffRole.TEAM_LEAD, False, ["me", "all"]),
        (StaffRole.TEAM_LEAD, True, ["me", "team", "all"]),
        (StaffRole.MANAGER, False, ["me", "team", "all"]),
    ],
)
def test_who_may_write_for_whom(client, sign_in, team, role, leads, offered):
    sign_in(role, leads=leads)
    for audience in ("me", "team", "all"):
        code = f"team:{team.pk}" if audience == "team" else audience
        answer = write(client, name=audience, audience=code)
        assert (answer.status_code == 302) == (audience in offered)
    found = {row.name: (row.owner_id is not None, row.team) for row in CannedReply.objects.all()}
    assert found == {name: (name == "me", team if name == "team" else None) for name in offered}


def test_nobody_reads_what_others_keep_for_themselves_or_changes_what_is_everybodys(client, sign_in, team):
    hers = CannedReply.objects.create(name="Hers", body="x", owner=StaffFactory())
    theirs = CannedReply.objects.create(name="Their team", body="x", team=TeamFactory())
    ours = CannedReply.objects.create(name="Our team", body="x", team=team)
    all_ = CannedReply.objects.create(name="Of all", body="Thank you all.")
    sign_in()
    listed = client.get(CANNED).content.decode()
    assert ("Our team" in listed, "Of all" in listed) == (True, True)
    assert ("Hers" in listed, "Their team" in listed) == (False, False)
    for row in (hers, theirs):
        assert client.get(f"{CANNED}{row.pk}/change/").status_code == 302
    for row in (ours, all_):
        assert client.get(f"{CANNED}{row.pk}/change/").status_code == 200
        assert write(client, f"{CANNED}{row.pk}/change/", name="Changed").status_code == 403
        assert client.post(f"{CANNED}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert not CannedReply.objects.filter(name="Changed").exists()


def test_a_manager_changes_a_teams_and_it_stays_the_teams(client, sign_in, team):
    canned = CannedReply.objects.create(name="Our team", body="x", team=team)
    sign_in(StaffRole.MANAGER)
    path = f"{CANNED}{canned.pk}/change/"
    assert f'<option value="team:{team.pk}" selected>' in client.get(path).content.decode()
    assert write(client, path, name="Changed", audience=f"team:{team.pk}").status_code == 302
    canned.refresh_from_db()
    assert (canned.name, canned.team, canned.owner) == ("Changed", team, None)


def test_unknown_placeholders_are_refused_with_the_list_of_those_there_are(client, sign_in):
    sign_in()
    answer = write(client, body="Hello {{ requester.password }} {{ x|y }}")
    shown = answer.content.decode()
    assert "There is no {{ requester.password }}, {{ x|y }}. The placeholders are: requester.first_name," in shown
    assert "Hello {{ requester.password }} {{ x|y }}</textarea>" in shown
    assert not CannedReply.objects.exists()


def test_a_shortcut_means_one_text(client, sign_in):
    CannedReply.objects.create(name="Of all", shortcut="thanks", body="x")
    CannedReply.objects.create(name="Put away", shortcut="bye", body="x", is_active=False)
    CannedReply.objects.create(name="Hers", shortcut="log", body="x", owner=StaffFactory())
    sign_in()
    assert "“Of all” has this shortcut already." in write(client, shortcut="THANKS").content.decode()
    assert write(client, shortcut="bye").status_code == 302
    assert write(client, name="Logs", shortcut="log").status_code == 302


# --- Macros ---------------------------------------------------------------------------------------


def write_macro(client, path=MACROS + "add/", **values):
    return client.post(path, {"name": "Log", "audience": "me", "is_active": "on"} | EMPTY | values)


def test_a_macro_is_written_in_a_plain_form_and_read_back(client, sign_in, team):
    person = sign_in()
    values = {
        "status": "waiting",
        "priority": "1",
        "owner_of_ticket": "me",
        "to_team": str(team.pk),
        "tags_to_add": "sync, Log , log,",
        "tags_to_remove": "new",
        "note": "Asked.",
        "reply": "Hello {{ requester.first_name }}",
    }
    assert write_macro(client, **values).status_code == 302
    macro = Macro.objects.get()
    assert macro.owner == person
    assert macro.acts == [
        {"do": "assign", "owner": "me", "team": team.pk},
        {"do": "priority", "priority": 1},
        {"do": "tag", "tag": "sync"},
        {"do": "tag", "tag": "log"},
        {"do": "untag", "tag": "new"},
        {"do": "note", "body": "Asked."},
        {"do": "reply", "body": "Hello {{ requester.first_name }}"},
        {"do": "status", "status": "waiting"},
    ]
    form = client.get(f"{MACROS}{macro.pk}/change/").context["adminform"].form
    assert {name: str(form[name].value()) for name in values} == values | {"tags_to_add": "sync, log"}
    assert "Assign: to who runs it, Content team" in client.get(MACROS).content.decode()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "It would change nothing yet."),
        ({"reply": "{{ secret }}"}, "There is no {{ secret }}."),
        ({"tags_to_add": "x" * 41}, "is longer than 40 characters"),
        ({"status": "merged"}, "Select a valid choice"),
    ],
)
def test_what_a_macro_cannot_be_is_said(client, sign_in, values, said):
    sign_in()
    assert said in write_macro(client, **values).content.decode()
    assert not Macro.objects.exists()


# --- Queries --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "model"), [(CANNED, CannedReply), (MACROS, Macro)])
def test_lists_cost_the_same_for_1_and_for_30(client, sign_in, path, model):
    sign_in(StaffRole.MANAGER)

    def fill(times):
        for number in range(times):
            team = TeamFactory()
            values = {"acts": [{"do": "assign", "team": team.pk}]} if model is Macro else {"hub_id": "content"}
            model.objects.create(name=f"Row {number}", team=team, **values)

    def count():
        with CaptureQueriesContext(connection) as caught:
            assert client.get(path).status_code == 200
        return len(caught)

    fill(1)
    count()
    few = count()
    fill(29)
    assert count() == few
