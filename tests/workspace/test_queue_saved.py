"""Saved views and columns: kept from what is shown, seen by whom they are for, changed by who keeps them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.tickets import services
from helpdesk.tickets.models import SavedView, Status
from helpdesk.tickets.services import Refused, saved_views
from tests.factories import StaffFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
QUEUE = "/admin/helpdesk/ticket/"
VIEWS = QUEUE + "views/"


@pytest.fixture
def team():
    return TeamFactory(name="Content team")


@pytest.fixture
def anna(client, team):
    person = StaffFactory(full_name="Anna Meier")
    add_to_team(team, person)
    client.force_login(person)
    return person


@pytest.fixture
def olu(team):
    person = StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD)
    add_to_team(team, person, lead=True)
    return person


def keep(actor, name="Mine too", **options) -> SavedView:
    options = {"params": {"view": "open"}, "columns": [], "now": timezone.now(), **options}
    return saved_views.save_view(name=name, actor=actor, **options)


def listed(answer) -> list[int]:
    return [ticket.pk for ticket in answer.context["cl"].result_list]


def test_what_is_shown_is_kept_under_a_name_and_opens_again(client, anna):
    now = timezone.now()
    chat = make_ticket(now=now, subject="Walrus in the reports")
    make_ticket(now=now, subject="Quokka")
    query = "?view=open&q=walrus&channel=email&p=1&nonsense=1"
    answer = client.post(VIEWS + "add/" + query, {"name": "Walruses", "audience": "me"}, follow=True)
    view = SavedView.objects.get()
    assert (view.owner, view.params) == (anna, {"view": "open", "q": "walrus", "channel": "email"})
    assert answer.redirect_chain[0][0] == f"{QUEUE}?saved={view.pk}"
    assert listed(answer) == [chat.pk]
    assert answer.context["cl"].title == "Walruses"
    (row,) = answer.context["cl"].saved_views
    assert (row["shown"], row["current"]) == ("1", True)
    page = answer.content.decode()
    assert f'saved={view.pk}&amp;view=open&amp;channel=chat&amp;q=walrus"' in page or "channel=chat" in page


def test_the_count_beside_a_saved_view_is_of_what_it_shows(client, anna):
    now = timezone.now()
    mine = make_ticket(now=now)
    services.assign(ticket=mine, owner=anna, actor=anna, now=now)
    tagged = make_ticket(now=now, subject="ログインできません")
    services.change_tags(ticket=tagged, add=["sync"], actor=anna, now=now)
    closed = make_ticket(now=now)
    services.reply(ticket=closed, actor=anna, body="walrus", now=now, status=Status.SOLVED)
    cases = [
        {"view": "mine"},
        {"view": "open", "owner": "me"},
        {"view": "open", "owner": "nobody"},
        {"view": "open", "tag": str(tagged.tags.get().pk)},
        {"view": "open", "q": "ログイン"},
        {"view": "open", "q": "walrus"},
        {"view": "closed", "q": "walrus"},
        {"view": "open", "q": f"PS-{closed.pk}"},
        {"view": "closed"},
        {"view": "open", "severity": "standard", "promise": "guaranteed", "status": "new", "hub": "content"},
        {"view": "open", "team": "999", "owner": "x"},
        {"view": "gone"},
    ]
    views = [keep(anna, name=f"View {number}", params=params) for number, params in enumerate(cases)]
    counts = {row["view"].pk: row["shown"] for row in client.get(QUEUE).context["cl"].saved_views}
    for view in views[:-2]:
        assert counts[view.pk] == str(len(listed(client.get(QUEUE, {"saved": view.pk})))), view.params


def test_saved_views_cost_no_query_each(client, anna, olu, team):
    make_ticket(now=timezone.now())
    keep(anna)
    client.get(QUEUE)
    with CaptureQueriesContext(connection) as few:
        client.get(QUEUE, {"view": "open"})
    for number in range(12):
        keep(anna, name=f"View {number}", params={"view": "open", "q": f"word{number}", "tag": "3"})
        keep(olu, name=f"View {number}", params={"view": "open", "q": "a@b.example"}, team=team)
    with CaptureQueriesContext(connection) as many:
        client.get(QUEUE, {"view": "open"})
    assert len(many) == len(few) <= 12
    with CaptureQueriesContext(connection) as page:
        assert client.get(VIEWS).status_code == 200
    assert len(page) <= 10


def test_each_sees_ones_own_the_teams_and_everybodys(client, anna, olu, team):
    helen = StaffFactory(staff_role=StaffRole.MANAGER)
    keep(olu, name="Olu's")
    keep(olu, name="Team's", team=team)
    keep(helen, name="Everybody's", everybody=True)
    keep(helen, name="Another team's", team=TeamFactory())
    keep(anna, name="Anna's")
    names = [row["view"].name for row in client.get(QUEUE).context["cl"].saved_views]
    assert names == ["Anna's", "Team's", "Everybody's"]


@pytest.mark.parametrize("audience", ["team", "all"])
def test_a_specialist_keeps_views_for_oneself_only(client, anna, team, audience):
    chosen = f"team-{team.pk}" if audience == "team" else "all"
    answer = client.post(VIEWS + "add/?view=open", {"name": "For all", "audience": chosen})
    assert answer.status_code == 422
    with pytest.raises(Refused, match="Only who leads"):
        keep(anna, team=team if audience == "team" else None, everybody=audience == "all")
    assert not SavedView.objects.exists()


@pytest.mark.parametrize("what", ["rename", "delete", "up", "default", "update"])
def test_a_view_is_changed_by_who_keeps_it_only(client, anna, olu, team, what):
    teams, others = keep(olu, team=team), keep(olu, name="Olu's own")
    assert client.post(f"{VIEWS}{teams.pk}/", {"do": what, "name": "Stolen"}).status_code == 403
    assert client.post(f"{VIEWS}{others.pk}/", {"do": what, "name": "Stolen"}).status_code == 404
    assert client.get(f"{VIEWS}{teams.pk}/").status_code == 405
    assert sorted(SavedView.objects.values_list("name", flat=True)) == ["Mine too", "Olu's own"]


def test_rename_move_replace_delete(client, anna):
    one, two = keep(anna, name="One"), keep(anna, name="Two")
    refused = client.post(f"{VIEWS}{two.pk}/", {"do": "rename", "name": "ONE"})
    assert refused.status_code == 422
    assert "There is a view of this name already." in refused.content.decode()
    assert 'value="ONE"' in refused.content.decode()
    assert client.post(f"{VIEWS}{two.pk}/", {"do": "rename", "name": " "}).status_code == 422
    client.post(f"{VIEWS}{two.pk}/", {"do": "rename", "name": "Zwei"})
    client.post(f"{VIEWS}{two.pk}/", {"do": "up"})
    assert list(SavedView.objects.values_list("name", flat=True)) == ["Zwei", "One"]
    client.post(f"{VIEWS}{two.pk}/?view=mine&hub=sales", {"do": "update"})
    two.refresh_from_db()
    assert two.params == {"view": "mine", "hub": "sales"}
    client.post(f"{VIEWS}{one.pk}/", {"do": "delete"})
    assert list(SavedView.objects.values_list("name", flat=True)) == ["Zwei"]


def test_a_teams_view_opens_first_for_the_team(client, anna, olu, team):
    late, other = keep(olu, team=team, params={"view": "breached"}), keep(olu, name="Other", team=team)
    client.force_login(olu)
    for view in (other, late):
        client.post(f"{VIEWS}{view.pk}/", {"do": "default"})
    assert [view.is_team_default for view in SavedView.objects.order_by("pk")] == [True, False]
    client.force_login(anna)
    assert client.get(QUEUE).context["cl"].title == "Mine too"
    assert client.get(QUEUE, {"view": "open"}).context["cl"].title == "All open"
    own = keep(anna, name="Own")
    with pytest.raises(Refused):
        saved_views.change_view(view=own, actor=anna, is_team_default=True)


def test_columns_are_ones_own_or_the_views(client, anna, olu, team):
    ticket = make_ticket(now=timezone.now())
    services.change_tags(ticket=ticket, add=["<sync>"], actor=anna, now=timezone.now())
    every = ["account", "requester", "hub", "channel", "severity", "priority", "status", "tags", "language"]
    every += ["team", "owner", "opened", "updated"]
    client.post(QUEUE + "columns/?view=open", {"column": [*reversed(every), "nonsense"]})
    page = client.get(QUEUE, {"view": "open"})
    assert [column.key for column in page.context["cl"].columns] == every
    assert '<span class="tag">&lt;sync&gt;</span>' in page.content.decode()
    own, teams = keep(anna, name="Own"), keep(olu, team=team, columns=["status"])
    client.post(f"{QUEUE}columns/?saved={own.pk}&view=open", {"column": ["tags"]})
    for view, columns in ((own, ["tags"]), (teams, ["status"])):
        page = client.get(QUEUE, {"saved": view.pk})
        assert [column.key for column in page.context["cl"].columns] == columns
    client.post(f"{QUEUE}columns/?saved={teams.pk}&view=open", {"column": ["hub"]})
    teams.refresh_from_db()
    assert teams.columns == ["status"], "who doesn't keep a view changes one's own columns"
    client.post(QUEUE + "columns/", {"usual": "1", "column": ["tags"]})
    anna.refresh_from_db()
    assert anna.queue_columns == []


def test_the_queries_do_not_depend_on_the_rows_whatever_is_shown(client, anna):
    client.post(QUEUE + "columns/", {"column": ["account", "requester", "tags", "team", "owner", "updated"]})
    services.change_tags(ticket=make_ticket(now=timezone.now()), add=["a"], actor=anna, now=timezone.now())
    client.get(QUEUE)
    with CaptureQueriesContext(connection) as few:
        client.get(QUEUE, {"view": "open"})
    for number in range(29):
        ticket = make_ticket(now=timezone.now())
        services.change_tags(ticket=ticket, add=["a", f"b{number}"], actor=anna, now=timezone.now())
    with CaptureQueriesContext(connection) as many:
        client.get(QUEUE, {"view": "open"})
    assert len(many) == len(few) <= 12


@pytest.mark.parametrize("query", ["saved=999", "saved=x", "saved=", "saved=1&view=open", "done=x", "done=9"])
def test_an_address_of_a_view_that_is_gone_still_opens_the_queue(client, anna, query):
    make_ticket(now=timezone.now())
    assert client.get(f"{QUEUE}?{query}").status_code == 200
