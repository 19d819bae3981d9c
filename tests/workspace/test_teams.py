"""Who looks after a team, who knows which hub, which fields tickets have, and what comes by mail."""

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.subscriptions.models import Hub, Skill
from helpdesk.tickets.models import CustomField
from tests.factories import StaffFactory, TeamFactory, UserFactory, add_to_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def sign_in(client):
    def enter(person):
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return enter


@pytest.fixture
def team():
    return TeamFactory(name="Content team")


@pytest.fixture
def olu(team):
    lead = StaffFactory(full_name="Olu Adeyemi", staff_role=StaffRole.TEAM_LEAD)
    add_to_team(team, lead, lead=True)
    return lead


@pytest.fixture
def anna(team):
    person = StaffFactory(full_name="Anna Meier")
    add_to_team(team, person)
    return person


def url(team) -> str:
    return f"/admin/helpdesk/team/{team.pk}/change/"


def rows(team, *people, **more) -> dict[str, str | list[str]]:
    """The team's form, with these members in it: (address, leads, hubs that they know)."""
    known = {row.user.email: row.pk for row in team.memberships.select_related("user")}
    data = {
        "channels": ["email", "chat"],
        "hubs": ["content"],
        "memberships-TOTAL_FORMS": str(len(people)),
        "memberships-INITIAL_FORMS": str(len(known)),
        **more,
    }
    for number, (email, leads, knows) in enumerate(people):
        data |= {
            f"memberships-{number}-id": str(known.get(email, "")),
            f"memberships-{number}-team": str(team.pk),
            f"memberships-{number}-user": email,
            f"memberships-{number}-knows": knows,
            **({f"memberships-{number}-is_lead": "on"} if leads else {}),
        }
    return data


def test_a_lead_looks_after_members_hubs_channels_and_who_knows_what(sign_in, team, olu, anna):
    new = StaffFactory(full_name="Bo Lind")
    sent = rows(team, (olu.email, True, ["content"]), (anna.email, True, ["content", "marketing"]), (new.email, "", []))
    answer = sign_in(olu).post(url(team), sent)
    assert answer.status_code == 302
    assert set(team.memberships.values_list("user__full_name", "is_lead")) == {
        ("Olu Adeyemi", True),
        ("Anna Meier", True),
        ("Bo Lind", False),
    }
    team.refresh_from_db()
    assert (team.name, team.channels, [hub.pk for hub in team.hubs.all()]) == (
        "Content team",
        ["email", "chat"],
        ["content"],
    )
    assert set(anna.skills.values_list("hub", flat=True)) == {"content", "marketing"}
    entry = LogEntry.objects.get(object_id=str(anna.pk))
    assert (entry.user, entry.change_message) == (olu, "Knows: Content Hub, Marketing Hub")
    sign_in(olu).post(url(team), rows(team, (olu.email, True, ["content"]), (anna.email, True, ["content"])))
    assert set(anna.skills.values_list("hub", flat=True)) == {"content"}


def test_a_customer_is_no_member_and_nothing_is_saved(sign_in, team, olu):
    customer = UserFactory()
    sent = rows(team, (olu.email, True, []), (customer.email, "", ["content"]))
    answer = sign_in(olu).post(url(team), sent)
    assert "Only members of staff belong to a team." in answer.content.decode()
    assert not Skill.objects.exists()
    assert team.memberships.count() == 1


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD, StaffRole.MANAGER])
def test_who_does_not_lead_it_only_reads_it(sign_in, team, olu, anna, role):
    Skill.objects.create(user=anna, hub=Hub.objects.get(code="content"))
    somebody = StaffFactory(staff_role=role)
    add_to_team(TeamFactory(), somebody, lead=True)
    page = sign_in(somebody).get(url(team)).content.decode()
    assert "Content Hub" in page
    assert "_save" not in page
    assert sign_in(somebody).post(url(team), rows(team)).status_code == 403
    assert team.memberships.count() == 2


def test_a_lead_does_not_rename_the_team_nor_make_one(sign_in, team, olu):
    sign_in(olu).post(url(team), rows(team, (olu.email, True, []), name="My team"))
    team.refresh_from_db()
    assert team.name == "Content team"
    assert sign_in(olu).get("/admin/helpdesk/team/add/").status_code == 403


def test_an_administrator_says_on_a_persons_page_what_they_know(sign_in, anna):
    administrator = StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    address = f"/admin/helpdesk/user/{anna.pk}/change/"
    data = {
        "email": anna.email,
        "full_name": anna.full_name,
        "staff_role": "specialist",
        "is_active": "on",
        "language": "en",
        "time_zone": "UTC",
        "skills-TOTAL_FORMS": "1",
        "skills-INITIAL_FORMS": "0",
        "skills-0-user": str(anna.pk),
        "skills-0-hub": "content",
    }
    assert sign_in(administrator).post(address, data).status_code == 302
    assert [skill.hub_id for skill in anna.skills.all()] == ["content"]
    assert "Knows these hubs" in sign_in(anna).get(address).content.decode()


def test_a_team_of_thirty_takes_as_many_queries_as_one_of_two(sign_in, team, olu, anna):
    client, hub = sign_in(olu), Hub.objects.get(code="content")
    Skill.objects.create(user=anna, hub=hub)

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url(team)).status_code == 200
        return len(caught)

    queries()
    few = queries()
    for _number in range(28):
        person = StaffFactory()
        add_to_team(team, person)
        Skill.objects.create(user=person, hub=hub)
    assert queries() == few


# Fields -------------------------------------------------------------------------------------------------

FIELD = "/admin/helpdesk/customfield/"


def field(**values) -> dict[str, str]:
    return {"label": "Browser", "code": "browser", "kind": "choice", "position": "1", "is_active": "on", **values}


@pytest.fixture
def helen(sign_in):
    return sign_in(StaffFactory(full_name="Helen Marsh", staff_role=StaffRole.MANAGER))


def test_a_manager_defines_a_field_and_puts_it_out_of_use(helen):
    assert helen.post(FIELD + "add/", field(choices="Firefox\r\n\r\n Chrome \r\nFirefox")).status_code == 302
    made = CustomField.objects.get()
    assert made.choices == ["Firefox", "Chrome"]
    address = f"{FIELD}{made.pk}/change/"
    helen.post(address, {"label": "Which browser", "position": "1", "choices": "Firefox\nSafari", "code": "other"})
    made.refresh_from_db()
    assert (made.code, made.label, made.choices, made.is_active) == (
        "browser",
        "Which browser",
        ["Firefox", "Safari"],
        False,
    )
    assert "was changed successfully" in helen.get(FIELD).content.decode()
    assert "Which browser" not in helen.get(FIELD).content.decode()
    assert "Which browser" in helen.get(FIELD + "?use=out").content.decode()
    assert helen.post(f"{FIELD}{made.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"choices": "Firefox"}, "at least two choices"),
        ({"kind": "text", "choices": "a\nb"}, "has choices"),
        ({"choices": "a\n" + "x" * 81}, "longer than 80"),
        ({"choices": "\n".join(map(str, range(61)))}, "At most 60 choices"),
        ({"choices": "a\nb", "code": "with space"}, "Enter a valid"),
    ],
)
def test_a_field_that_cannot_be_is_said_and_kept(helen, values, words):
    page = helen.post(FIELD + "add/", field(**values)).content.decode()
    assert words in page
    assert 'value="Browser"' in page
    assert not CustomField.objects.exists()


# What comes by mail ---------------------------------------------------------------------------------------


def test_one_chooses_what_comes_by_mail(sign_in, anna):
    client = sign_in(anna)
    sent = {"language": "en", "time_zone": "UTC", "mail_about": ["watched", "mentioned"]}
    assert client.post("/admin/me/", sent).status_code == 302
    anna.refresh_from_db()
    assert anna.mail_about == ["mentioned", "watched"]
    page = client.get("/admin/me/").content.decode()
    assert page.count("checked") == 2
    answer = client.post("/admin/me/", {**sent, "mail_about": ["everything"]})
    assert answer.status_code == 422
    client.post("/admin/me/", {**sent, "mail_about": []})
    anna.refresh_from_db()
    assert anna.mail_about == []
