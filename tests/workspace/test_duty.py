"""Absences, on-call shifts and one's own settings: who writes what, and what a wrong entry is told (SPEC 2.5)."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from helpdesk.accounts.models import Absence, OnCallShift, StaffRole
from tests.factories import StaffFactory, TeamFactory, UserFactory, add_to_team

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ABSENCES, SHIFTS, MINE = "/admin/helpdesk/absence/", "/admin/helpdesk/oncallshift/", "/admin/me/"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def enter(client):
    def sign_in(role: str = StaffRole.SPECIALIST, **also):
        person = StaffFactory(staff_role=role, **also)
        client.force_login(person, backend=BACKEND)
        return person

    return sign_in


def stretch(model: type, person, *, days: int = 0, **also):
    begin = timezone.now() + days * DAY
    return model.objects.create(user=person, starts_at=begin, ends_at=begin + DAY, **also)


def test_a_specialist_writes_their_own_absence_in_their_own_time(client, enter):
    person = enter(time_zone="Europe/Berlin")
    form = {"starts_at": "2027-07-01T09:00", "ends_at": "2027-07-15T18:00", "note": "On holiday"}
    assert client.post(f"{ABSENCES}add/", form).status_code == 302
    row = Absence.objects.get()
    assert (row.user, row.note) == (person, "On holiday")
    assert row.starts_at == datetime(2027, 7, 1, 7, tzinfo=UTC)
    assert row.ends_at == datetime(2027, 7, 15, 16, tzinfo=UTC)
    assert "Berlin time" in client.get(f"{ABSENCES}{row.pk}/change/").content.decode()
    said = f"{person}: 1 July 2027 09:00 – 15 July 2027 18:00"
    assert said in client.get(f"{ABSENCES}{row.pk}/delete/").content.decode()


def test_a_specialist_reaches_nobody_elses_absence(client, enter):
    enter()
    other = stretch(Absence, StaffFactory(full_name="Jan Nowak"))
    assert "Jan Nowak" not in client.get(ABSENCES).content.decode()
    form = {"user": other.user_id, "starts_at": "2027-07-01T09:00", "ends_at": "2027-07-15T18:00"}
    client.post(f"{ABSENCES}{other.pk}/change/", form)
    client.post(f"{ABSENCES}{other.pk}/delete/", {"post": "yes"})
    client.post(f"{ABSENCES}add/", form)  # the name of another is not read
    other.refresh_from_db()
    assert other.ends_at - other.starts_at == DAY
    assert Absence.objects.filter(user=other.user).count() == 1


@pytest.mark.parametrize("role", [StaffRole.TEAM_LEAD, StaffRole.MANAGER, StaffRole.ADMINISTRATOR])
def test_who_leads_writes_anybodys(client, enter, role):
    enter(role)
    jan = StaffFactory(full_name="Jan Nowak")
    form = {"user": jan.pk, "starts_at": "2027-07-01T09:00", "ends_at": "2027-07-15T18:00"}
    assert client.post(f"{ABSENCES}add/", form).status_code == 302
    row = Absence.objects.get()
    assert row.user == jan
    assert client.post(f"{ABSENCES}{row.pk}/change/", {**form, "ends_at": "2027-07-10T18:00"}).status_code == 302
    row.refresh_from_db()
    assert row.ends_at == datetime(2027, 7, 10, 18, tzinfo=UTC)
    assert client.post(f"{ABSENCES}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Absence.objects.exists()


def test_only_staff_can_be_away_or_on_call(client, enter):
    enter(StaffRole.MANAGER)
    form = {"user": UserFactory().pk, "starts_at": "2027-07-01T09:00", "ends_at": "2027-07-15T18:00"}
    for page in (ABSENCES, SHIFTS):
        assert "Select a valid choice" in client.post(f"{page}add/", form).content.decode()


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [
        ("2027-07-15T18:00", "2027-07-01T09:00", "The end lies before the beginning."),
        ("2027-07-01T09:00", "2027-07-01T09:00", "The end lies before the beginning."),
        ("2027-07-03T09:00", "2027-07-04T09:00", "Jan Nowak is away from"),
        ("2027-06-01T09:00", "2027-07-02T09:01", "Jan Nowak is away from"),
        ("2027-03-28T02:30", "2027-03-29T09:00", "couldn’t be interpreted in time zone Europe/Berlin"),  # noqa: RUF001
        ("soon", "2027-03-29T09:00", "Enter a valid date/time."),
        ("", "", "This field is required."),
    ],
)
@pytest.mark.parametrize(("page", "model"), [(ABSENCES, Absence), (SHIFTS, OnCallShift)])
def test_a_wrong_stretch_is_told_beside_the_field_and_kept(client, enter, page, model, starts, ends, said):
    enter(StaffRole.MANAGER, time_zone="Europe/Berlin")
    jan = StaffFactory(full_name="Jan Nowak")
    begin = datetime(2027, 7, 2, 7, tzinfo=UTC)  # 09:00 in Berlin
    model.objects.create(user=jan, starts_at=begin, ends_at=begin + 5 * DAY)
    answer = client.post(f"{page}add/", {"user": jan.pk, "starts_at": starts, "ends_at": ends})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert said.replace("away", "away" if model is Absence else "on call") in text
    assert f'value="{starts}"' in text or not starts
    assert model.objects.count() == 1


def test_one_absence_may_follow_another_at_once(client, enter):
    person = enter()
    row = stretch(Absence, person, days=1)
    ends = (row.ends_at + DAY).strftime("%Y-%m-%dT%H:%M:%S.%f")
    form = {"starts_at": row.ends_at.strftime("%Y-%m-%dT%H:%M:%S.%f"), "ends_at": ends}
    assert client.post(f"{ABSENCES}add/", form).status_code == 302
    assert Absence.objects.count() == 2


def test_a_lead_writes_shifts_of_the_teams_that_they_lead_and_of_no_other(client, enter):
    lead = enter(StaffRole.TEAM_LEAD)
    own, other, joined = TeamFactory(), TeamFactory(), TeamFactory()
    add_to_team(own, lead, lead=True)
    add_to_team(joined, lead)
    jan = StaffFactory()
    form = {"user": jan.pk, "starts_at": "2027-07-01T09:00", "ends_at": "2027-07-01T18:00"}
    for team in (other.pk, joined.pk, ""):  # "": for all teams
        assert client.post(f"{SHIFTS}add/", {**form, "team": team}).status_code == 200
    assert client.post(f"{SHIFTS}add/", {**form, "team": own.pk}).status_code == 302
    assert list(OnCallShift.objects.values_list("user", "team")) == [(jan.pk, own.pk)]
    theirs, everybodys = stretch(OnCallShift, jan, team=other), stretch(OnCallShift, jan)
    for row in (theirs, everybodys):
        assert client.get(f"{SHIFTS}{row.pk}/change/").status_code == 200  # to look at
        assert client.post(f"{SHIFTS}{row.pk}/change/", {**form, "team": own.pk}).status_code == 403
        assert client.post(f"{SHIFTS}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert OnCallShift.objects.count() == 3


def test_a_lead_without_a_team_and_a_specialist_add_no_shift(client, enter):
    enter(StaffRole.TEAM_LEAD)
    assert client.get(f"{SHIFTS}add/").status_code == 403
    specialist = enter()
    add_to_team(TeamFactory(), specialist, lead=True)
    assert client.get(f"{SHIFTS}add/").status_code == 403


def test_managers_put_people_on_call_for_all_teams_and_for_two_at_a_time(client, enter):
    enter(StaffRole.MANAGER)
    jan, team = StaffFactory(), TeamFactory()
    form = {"user": jan.pk, "starts_at": "2027-07-01T09:00", "ends_at": "2027-07-01T18:00"}
    for chosen in ("", team.pk):
        assert client.post(f"{SHIFTS}add/", {**form, "team": chosen}).status_code == 302
    assert client.post(f"{SHIFTS}add/", {**form, "team": team.pk}).status_code == 200
    assert set(OnCallShift.objects.values_list("team", flat=True)) == {None, team.pk}


def test_the_lists_show_what_is_now_or_to_come_and_on_request_what_is_over(client, enter):
    person = enter()
    stretch(Absence, person, days=-5, note="over")
    stretch(Absence, person, note="right now")
    stretch(Absence, person, days=5, note="in summer")

    def notes(query: str = "") -> list[str]:
        return [row.note for row in client.get(ABSENCES + query).context["cl"].result_list]

    assert notes() == ["right now", "in summer"]
    assert notes("?time=over") == ["over"]
    assert len(notes("?time=all")) == 3


SETTINGS = {"language": "en", "time_zone": "Asia/Tokyo", "quiet_from": "22:00", "quiet_until": "07:00"}


def test_everybody_sets_their_own_settings(client, enter):
    person = enter()
    assert "My settings" in client.get("/admin/helpdesk/ticket/").content.decode()
    answer = client.post(MINE, {**SETTINGS, "language": "ja", "staff_role": "administrator", "email": "x@y.example"})
    assert answer.status_code == 302
    before = person.email
    person.refresh_from_db()
    assert (person.language, person.time_zone) == ("ja", "Asia/Tokyo")
    assert (person.quiet_from, person.quiet_until) == (time(22), time(7))
    assert (person.staff_role, person.email) == (StaffRole.SPECIALIST, before)
    page = client.get(MINE)
    assert 'lang="ja"' in page.content.decode()  # at once, whatever this device had chosen
    entry = person.logentry_set.get()
    assert (entry.object_id, entry.user) == (str(person.pk), person)


def test_settings_that_stay_as_they_are_leave_no_trace(client, enter):
    person = enter(time_zone="Asia/Tokyo")
    client.post(MINE, {**SETTINGS, "quiet_from": "", "quiet_until": ""})
    assert not person.logentry_set.exists()
    client.post(MINE, SETTINGS)
    client.post(MINE, {**SETTINGS, "quiet_from": "", "quiet_until": ""})
    person.refresh_from_db()
    assert (person.quiet_from, person.quiet_until) == (None, None)
    assert person.logentry_set.count() == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"quiet_until": ""}, "Say when they end"),
        ({"quiet_from": ""}, "Say when they begin"),
        ({"quiet_until": "22:00"}, "They would have no length."),
        ({"quiet_until": "21:00"}, "At most 20 hours of a day can be quiet."),
        ({"quiet_until": "25:00"}, "Enter a valid time."),
        ({"time_zone": "Mars/Olympus"}, "is not a time zone"),
        ({"language": "de"}, "Select a valid choice."),
    ],
)
def test_wrong_settings_are_told_beside_the_field_and_kept_and_nothing_is_saved(client, enter, wrong, said):
    person = enter()
    answer = client.post(MINE, {**SETTINGS, **wrong})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert page.count(said) == 1
    for name in ("time_zone", "quiet_from"):
        assert f'value="{wrong.get(name, SETTINGS[name])}"' in page or wrong.get(name) == ""
    person.refresh_from_db()
    assert (person.time_zone, person.quiet_from) == ("UTC", None)


def test_the_settings_take_a_token_and_a_signed_in_member_of_staff(client):
    assert client.get(MINE).status_code == 302
    client.force_login(UserFactory(), backend=BACKEND)
    assert client.get(MINE).status_code == 404
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(StaffFactory(), backend=BACKEND)
    assert strict.post(MINE, SETTINGS).status_code == 403
