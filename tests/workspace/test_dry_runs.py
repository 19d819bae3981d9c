"""Trying a draft over past tickets from the editors, and the page that tells what would have been (SPEC 2.8)."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from helpdesk.accounts.models import StaffRole
from helpdesk.reports.dryrun import services as dry
from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.periods import Period, today
from helpdesk.sla.models import Calendar, Policy
from helpdesk.sla.target import Target
from helpdesk.tickets import services
from helpdesk.workspace import dry_runs
from tests.factories import AccountFactory, DesignatedFactory, StaffFactory, make_ticket
from tests.workspace.calendars.pages import errors_of, form_of, page_of
from tests.workspace.policies.pages import ADD, opened, send, text, url, wrong

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ROOT = "/admin/helpdesk/dryrun/"


@pytest.fixture(autouse=True)
def _later(now):
    with time_machine.travel(now + DAY, tick=False):
        yield


def signed_in(role: str = StaffRole.MANAGER) -> Client:
    client = Client()
    client.force_login(StaffFactory(staff_role=role, full_name="Helen Marsh"))
    return client


@pytest.fixture
def client():
    return signed_in()


@pytest.fixture
def standard():
    return Policy.objects.get(name="Standard, designated super admins")


@pytest.fixture
def past(now):
    """Answered after 20 and after 50 minutes; the second subject is hostile."""
    ada, member = StaffFactory(), DesignatedFactory(account=AccountFactory(name="=cmd|' /C calc'!A0"))
    found = []
    for minutes in (20, 50):
        ticket = make_ticket(member, now=now, subject=f"<b>Down</b> {minutes}")
        services.reply(ticket=ticket, actor=ada, body="Done.", now=now + minutes * MINUTE)
        found.append(ticket)
    return found


def half_an_hour(standard, now, **also) -> DryRun:
    terms = standard.versions.get().terms
    draft = replace(terms, targets=(replace(terms.targets[0], target=Target(seconds=1800)), *terms.targets[1:]))
    day = today(now=now, zone=dry_runs.zone_of("UTC"))
    period = Period(first=day - 30 * DAY, last=day + DAY, zone=dry_runs.zone_of("UTC"))
    who = StaffFactory(staff_role="manager")
    values = {"name": standard.name, "policy": standard, "terms": draft, "place": 1, "period": period, "actor": who}
    run = dry.start_dry_run(now=now + DAY, **{**values, **also})
    dry.advance_dry_runs(now=now + DAY, only=run)
    run.refresh_from_db()
    return run


def test_from_the_editor_of_a_policy_to_what_would_have_been_and_back(client, standard, past):
    typed = opened(client, url(standard))
    changed = {"first_response-amount": "30", "first_response-unit": "minutes", "note": "Faster", "try_period": "30"}
    answer = send(client, url(standard), typed, "_try", **changed)
    run = DryRun.objects.get()
    assert answer.headers["Location"] == f"{ROOT}{run.pk}/change/"
    assert (run.state, run.total, run.changed, run.version, run.period.days) == ("done", 2, 2, 2, 30)
    page = client.get(f"{ROOT}{run.pk}/change/")
    line = page.context["about"]["line"]
    assert (line.was.met, line.was.due, line.then.met, line.then.due) == (2, 2, 1, 2)
    assert "&lt;b&gt;Down&lt;/b&gt; 50" in text(page)
    assert f'href="/admin/helpdesk/ticket/{past[1].pk}/change/"' in text(page)
    assert "Fewer than 20 due" in text(page)
    # Nothing was kept of it, and nothing that was typed is lost on the way back.
    standard.refresh_from_db()
    assert (standard.draft, standard.versions.count()) == (None, 1)
    back = client.get(page.context["editor_url"]).context["editor"]
    assert back.typed["first_response-amount"] == ["30"]
    assert back.typed["note"] == ["Faster"]


def test_a_policy_that_is_not_saved_yet_can_be_tried(client, standard, past):
    typed = {**opened(client, url(standard)), "place": ["0"], "name": [""], "first_response-amount": ["30"]}
    typed |= {"first_response-unit": ["minutes"], "basis_version": "0"}
    send(client, ADD, typed, "_try")
    run = DryRun.objects.get()
    assert (run.policy, run.name, run.changed) == (None, "New policy", 2)
    assert Policy.objects.count() == 5
    page = client.get(f"{ROOT}{run.pk}/change/")
    assert page.context["editor_url"].startswith(f"{ADD}?tried=")
    assert client.get(page.context["editor_url"]).context["editor"].typed["first_response-amount"] == ["30"]


def test_what_cannot_work_is_refused_beside_its_field(client, standard):
    typed = opened(client, url(standard))
    answer = send(client, url(standard), typed, "_try", **{"first_response-amount": "soon"})
    assert "first_response-amount" in wrong(answer)
    assert answer.context["editor"].typed["first_response-amount"] == ["soon"]
    assert not DryRun.objects.exists()


def test_a_period_that_is_none_is_the_usual_quarter(client, standard):
    send(client, url(standard), opened(client, url(standard)), "_try", try_period="99999")
    assert DryRun.objects.get().period.days == 91


def test_too_many_at_once_are_refused_with_everything_typed_kept(client, standard, monkeypatch):
    monkeypatch.setattr(dry, "MOST_WAITING", 0)
    answer = send(client, url(standard), opened(client, url(standard)), "_try", note="Faster")
    assert "dry runs are under way" in text(answer)
    assert answer.context["editor"].typed["note"] == ["Faster"]
    calendar = Calendar.objects.get()
    answer = client.post(page_of(calendar), {**form_of(calendar, note="Feast"), "_try": "1"})
    assert "dry runs are under way" in text(answer)
    assert answer.context["desk"].typed.note == "Feast"


def test_from_the_editor_of_a_calendar_and_back(client, now):
    calendar = Calendar.objects.get()
    data = form_of(calendar, days=[("2026-11-24", "Feast", "")])
    answer = client.post(page_of(calendar), {**data, "_try": "1", "try_period": "91"})
    run = DryRun.objects.get()
    assert answer.headers["Location"] == f"{ROOT}{run.pk}/change/"
    assert run.document["holidays"] == ["2026-11-24"]
    page = client.get(f"{ROOT}{run.pk}/change/")
    assert "No target fell due in these days" in text(page)
    back = client.get(page.context["editor_url"]).context["desk"]
    assert [(row.day, row.name) for row in back.typed.days] == [("2026-11-24", "Feast")]
    calendar.refresh_from_db()
    assert (calendar.draft, calendar.versions.count()) == (None, 1)


def test_a_calendar_that_never_opens_is_refused_as_when_it_is_saved(client):
    calendar = Calendar.objects.get()
    never = {
        **form_of(calendar),
        **{f"{day}-{end}": [] for day in ("mon", "tue", "wed", "thu", "fri") for end in ("from", "to")},
    }
    answer = client.post(page_of(calendar), {**never, "_try": "1"})
    assert answer.status_code == 422
    assert errors_of(text(answer)) == errors_of(text(client.post(page_of(calendar), {**never, "_save": "1"})))
    assert not DryRun.objects.exists()


def test_the_draft_of_another_policy_is_not_shown_in_an_editor(client, standard, past, now):
    run = half_an_hour(standard, now, typed={"name": ["Mine"]})
    other = Policy.objects.get(name="Chat")
    assert client.get(f"{url(other)}?tried={run.pk}").context["editor"].typed["name"] == ["Chat"]
    assert client.get(f"{page_of(Calendar.objects.get())}?tried={run.pk}").status_code == 200


def test_while_it_runs_the_page_asks_again_and_then_shows_all_of_it(client, standard, past, now):
    run = half_an_hour(standard, now)
    DryRun.objects.filter(pk=run.pk).update(state="running", total=200, seen=50)
    page = text(client.get(f"{ROOT}{run.pk}/change/"))
    assert '<progress max="100" value="25"' in page
    assert f'hx-get="{ROOT}{run.pk}/progress/" hx-trigger="every 2s"' in page
    part = client.get(f"{ROOT}{run.pk}/progress/")
    assert "<html" not in text(part)
    assert "HX-Refresh" not in part.headers
    DryRun.objects.filter(pk=run.pk).update(state="done")
    assert client.get(f"{ROOT}{run.pk}/progress/").headers["HX-Refresh"] == "true"


def test_it_is_stopped_once_and_says_that_it_is_a_part(client, standard, past, now):
    run = half_an_hour(standard, now)
    DryRun.objects.filter(pk=run.pk).update(state="running", total=200, seen=50)
    assert client.get(f"{ROOT}{run.pk}/stop/").status_code == 405
    page = text(client.post(f"{ROOT}{run.pk}/stop/", follow=True))
    assert "It was stopped at 25 %: the figures are of a part of the period only." in page
    assert "It was over already." in text(client.post(f"{ROOT}{run.pk}/stop/", follow=True))


@pytest.mark.parametrize("also", [{}, {"document": [1]}, {"figures": {"cells": [[1]]}}, {"figures": [], "zone": "?"}])
def test_one_that_failed_says_why_and_leads_back_to_the_draft(client, standard, past, now, also):
    run = half_an_hour(standard, now)
    DryRun.objects.filter(pk=run.pk).update(state="failed", reason="draft", **also)
    page = text(client.get(f"{ROOT}{run.pk}/change/"))
    assert "The draft, as it was kept for this dry run, can’t be read any more." in page
    assert f"{url(standard)}?tried={run.pk}" in page
    assert "tickets.csv" not in page
    assert client.get(f"{ROOT}{run.pk}/tickets.csv").status_code == 404
    assert client.get(f"{ROOT}{run.pk}/progress/").headers["HX-Refresh"] == "true"
    assert "Failed" in text(client.get(ROOT))


def test_the_page_begins_with_the_answer_and_offers_only_kinds_that_there_are(client, standard, past, now):
    page = text(client.get(f"{ROOT}{half_an_hour(standard, now).pk}/change/"))
    assert "Attainment would have been <b>50.0 %</b> instead of 100.0 %." in page
    assert page.index("instead of 100.0 %") < page.index("Shift of the deadline") < page.index("PS-")
    assert "kind=worse" in page
    assert "kind=other" in page
    assert "kind=better" not in page
    same = half_an_hour(standard, now, terms=standard.versions.get().terms)
    page = text(client.get(f"{ROOT}{same.pk}/change/"))
    assert "Nothing would have been different: all 2 targets keep their deadline and their outcome" in page
    assert "kind=" not in page


def test_figures_outlast_a_draft_that_a_newer_release_reads_no_more(client, standard, past, now):
    run = half_an_hour(standard, now)
    DryRun.objects.filter(pk=run.pk).update(document={"targets": "written otherwise"})
    assert "instead of 100.0 %." in text(client.get(f"{ROOT}{run.pk}/change/"))


@pytest.mark.parametrize("figures", [[], {"cells": [[1]]}])
def test_while_it_runs_nothing_is_read_that_might_not_be_legible(client, standard, past, now, figures):
    run = half_an_hour(standard, now)
    DryRun.objects.filter(pk=run.pk).update(state="running", figures=figures)
    assert client.get(f"{ROOT}{run.pk}/change/").status_code == 200
    assert client.get(ROOT).status_code == 200


def test_a_second_click_leads_to_the_first_ones_page(client, standard, past):
    typed = opened(client, url(standard))
    pages = [send(client, url(standard), typed, "_try").headers["Location"] for _ in range(2)]
    assert pages[0] == pages[1]
    assert DryRun.objects.count() == 1


@pytest.mark.parametrize("role", [StaffRole.SPECIALIST, StaffRole.TEAM_LEAD])
def test_others_neither_see_nor_start_nor_stop_one(standard, past, now, role):
    run = half_an_hour(standard, now)
    DryRun.objects.filter(pk=run.pk).update(state="running")
    other = signed_in(role)
    for act in ("change/", "progress/", "tickets.csv"):
        assert other.get(f"{ROOT}{run.pk}/{act}").status_code == 403
    assert other.post(f"{ROOT}{run.pk}/stop/").status_code == 403
    assert other.post(url(standard), {"_try": "1"}).status_code == 403
    assert other.post(page_of(Calendar.objects.get()), {"_try": "1"}).status_code == 403
    assert list(DryRun.objects.values_list("state", flat=True)) == ["running"]


def test_what_is_unknown_is_not_there(client):
    for act in ("change/", "progress/", "tickets.csv"):
        assert client.get(f"{ROOT}99/{act}").status_code == 404
    assert client.post(f"{ROOT}99/stop/").status_code == 404


def test_the_list_of_what_changes_is_narrowed_paged_and_of_one_metric(client, standard, past, now, monkeypatch):
    run = half_an_hour(standard, now)
    page = client.get(f"{ROOT}{run.pk}/change/?of=guaranteed.first_response&kind=worse")
    assert [line.row.ticket for line in page.context["changed"]] == [past[1]]
    assert client.get(f"{ROOT}{run.pk}/change/?kind=better").context["changed"] == []
    for odd in ("?of=x.y.z", "?kind=%00", "?page=-1", "?page=99999999999999999999", "?of=%C3%28&page=two"):
        assert client.get(f"{ROOT}{run.pk}/change/{odd}").status_code == 200
    monkeypatch.setattr("helpdesk.workspace.dry_run_page.PAGE", 1)
    first = client.get(f"{ROOT}{run.pk}/change/")
    assert (len(first.context["changed"]), first.context["more"]) == (1, True)
    assert [line.row.ticket for line in client.get(f"{ROOT}{run.pk}/change/?page=2").context["changed"]] == [past[0]]


def test_the_file_holds_what_the_list_holds_and_no_cell_runs(client, standard, past, now):
    run = half_an_hour(standard, now)
    answer = client.get(f"{ROOT}{run.pk}/tickets.csv")
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="dry-run-{run.pk}-')
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert [row[0] for row in rows] == [past[1].reference, past[0].reference]
    assert rows[0][1].startswith("'=cmd")
    said = dict(zip(head, rows[0], strict=True))
    assert (said["Target"], said["Target under the draft"]) == ("1 hour", "30 minutes")
    assert (said["Due"], said["Due under the draft"]) == ("2026-11-24T13:05:00+00:00", "2026-11-24T12:35:00+00:00")
    assert (said["Outcome"], said["Outcome under the draft"]) == ("Met", "Answered late")


def test_thirty_changed_tickets_cost_as_many_queries_as_two(client, standard, past, now):
    def cost(address: str) -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        return len(queries)

    few = half_an_hour(standard, now)
    ada = StaffFactory()
    for _ in range(28):
        ticket = make_ticket(DesignatedFactory(), now=now)
        services.reply(ticket=ticket, actor=ada, body="Done.", now=now + 50 * MINUTE)
    many = half_an_hour(standard, now)
    assert many.changed == 30
    assert cost(f"{ROOT}{many.pk}/change/") == cost(f"{ROOT}{few.pk}/change/")
    two = cost(ROOT)
    for _ in range(10):
        half_an_hour(standard, now)
    assert cost(ROOT) == two
