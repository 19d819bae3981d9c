"""Every page a person uses, looked at in a real browser (SPEC 2.9).

Each is opened wide, light and in English, and narrow, dark and in Japanese, and must have no violation of
WCAG 2.2 AA, nothing wider than the screen, and nothing in the console (the strict CSP complains there).
`pytest tests/e2e/test_pages.py --pictures docs/pictures` makes the pictures of the README and docs again.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page

from helpdesk.accounts.models import Absence, Team, User
from helpdesk.core.demo import PASSWORD
from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Alarm, OutboxMail
from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.dryrun.services import advance_dry_runs, start_dry_run
from helpdesk.reports.periods import Period
from helpdesk.sla.models import Calendar, Clock, ClockException, Policy
from helpdesk.sla.target import Target
from helpdesk.tickets.models import Claim, CustomField, Ticket
from helpdesk.tickets.services.rollouts import start_rollout

# Without preloading: axe copies style sheets that import others into the page, and the policy rightly refuses.
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "preload": False,
    "resultTypes": ["violations"],  # what is right is only counted: less than half the time
}
LOOKS = {
    "wide": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light", "locale": "en-GB"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "locale": "ja-JP"},
}
# Who looks at which pages; {ticket} is a ticket of Mina's, {running} one whose next reply is owed, {claim} one whose
# claim waits for a judgement, {excepted} one with an {exception} that waits for approval.
PAGES = {
    "-": ["/accounts/login/", "/accounts/password/reset/", "/nothing-here/"],
    "mina@kestrel.example": [
        "/",
        "/tickets/",
        "/tickets/new/",
        "/tickets/{ticket}/",
        "/tickets/{ticket}/promise/",
        "/tickets/{running}/promise/",
        "/account/",
        "/callback/",
        "/statements/",
        "/statements/verify/",
        "/accounts/password/change/",
        "/accounts/2fa/",
    ],
    "piet@vandenberg.example": ["/", "/tickets/new/"],
    "anna@premium.example": [
        "/admin/",
        "/admin/calls/",
        "/admin/helpdesk/ticket/",
        "/admin/helpdesk/ticket/views/",
        "/admin/helpdesk/ticket/{ticket}/change/",
        "/admin/helpdesk/ticket/{claim}/change/",
        "/admin/helpdesk/ticket/{ticket}/exception/?clock={clock}",
        "/admin/helpdesk/ticket/{running}/explain/",
        "/admin/helpdesk/ticket/{running}/explain/?as=customer",
        "/admin/helpdesk/ticket/{running}/merge/",
        "/admin/helpdesk/ticket/{running}/merge/?other={mine}",
        "/admin/helpdesk/ticket/{running}/split/",
        "/admin/helpdesk/ticket/{running}/link/",
        "/admin/helpdesk/ticket/{running}/incident/",
        "/admin/helpdesk/ticket/{running}/incident/reply/",
        "/admin/helpdesk/ticket/{running}/spam/",
        "/admin/helpdesk/ticket/{running}/subject/",
        "/admin/helpdesk/ticket/{running}/history/",
        "/admin/helpdesk/escalation/",
        "/admin/helpdesk/account/",
        "/admin/helpdesk/cannedreply/add/",
        "/admin/helpdesk/macro/add/",
    ],
    "helen@premium.example": [
        "/admin/board/",
        "/admin/",
        "/admin/reports/statements/",
        "/admin/reports/schedules/",
        "/admin/reports/schedules/new/",
        "/admin/reports/forecast/",
        "/admin/reports/breaches/",
        "/admin/reports/breaches/tickets/?outcome=late",
        "/admin/helpdesk/clockexception/?state=all",
        "/admin/helpdesk/clockexception/{exception}/change/",
        "/admin/helpdesk/ticket/{excepted}/change/",
        "/admin/helpdesk/exceptioncode/",
        "/admin/helpdesk/customfield/",
        "/admin/helpdesk/customfield/add/",
        "/admin/helpdesk/exceptioncode/third-party/change/",
        "/admin/helpdesk/policy/",
        "/admin/helpdesk/policy/add/",
        "/admin/helpdesk/policy/{policy}/change/",
        "/admin/helpdesk/policy/{policy}/force/",
        "/admin/helpdesk/rollout/",
        "/admin/helpdesk/rollout/{rollout}/change/",
        "/admin/helpdesk/dryrun/",
        "/admin/helpdesk/dryrun/{tried}/change/",
        "/admin/helpdesk/dryrun/{trying}/change/",
        "/admin/helpdesk/dryrun/{untried}/change/",
        "/admin/helpdesk/calendar/",
        "/admin/helpdesk/calendar/add/",
        "/admin/helpdesk/calendar/{calendar}/change/",
        "/admin/helpdesk/calendar/{calendar}/history/",
        "/admin/helpdesk/outboxmail/",
    ],
    "admin@premium.example": [
        "/admin/administration/",
        "/admin/helpdesk/user/",
        "/admin/helpdesk/user/add/",
        "/admin/helpdesk/team/",
        "/admin/helpdesk/team/{team}/change/",
        "/admin/helpdesk/team/{team}/history/",
        "/admin/helpdesk/hub/",
        "/admin/helpdesk/hub/content/change/",
        "/admin/helpdesk/account/{account}/change/",
        "/admin/helpdesk/account/{account}/history/",
        "/admin/helpdesk/user/{person}/change/",
        "/admin/helpdesk/user/{person}/password/",
        "/admin/helpdesk/section/add/",
        "/admin/helpdesk/identityprovider/add/",
        "/admin/helpdesk/escalation/{escalation}/change/",
        "/admin/helpdesk/outboxmail/{mail}/change/",
        "/admin/helpdesk/absence/{absence}/delete/",
        "/admin/helpdesk/heartbeat/",
        "/admin/helpdesk/oncallshift/",
        "/admin/helpdesk/oncallshift/add/",
        "/admin/helpdesk/absence/add/",
        "/admin/me/",
    ],
}
KEPT = {
    "mina@kestrel.example /": "portal",
    "mina@kestrel.example /tickets/new/": "form",
    "mina@kestrel.example /tickets/{ticket}/": "customer-ticket",
    "anna@premium.example /admin/helpdesk/ticket/": "queue",
    "anna@premium.example /admin/helpdesk/ticket/{claim}/change/": "ticket",
    "anna@premium.example /admin/helpdesk/ticket/{running}/explain/": "explain",
    "helen@premium.example /admin/board/": "board",
    "helen@premium.example /admin/reports/breaches/": "report",
}


@pytest.fixture
def demonstration(transactional_db) -> dict[str, int]:
    """The demonstration's data, and the tickets that the pages are looked at with."""
    call_command("demo_data", tickets=300, verbosity=0)
    mina = User.objects.get(email="mina@kestrel.example")
    clock = Clock.objects.filter(ticket__requester=mina, metric="next_response").latest("pk")
    exception = ClockException.objects.select_related("clock").filter(state="asked").first()
    policy = Policy.objects.get(name="Standard, designated super admins")
    rollout = start_rollout(policy=policy, reason="As agreed", actor=None, now=timezone.now())
    # How many of hers run at this hour of the day depends on it: the newest of them stands for all.
    running = (
        Ticket.objects.active()
        .filter(requester=mina, clocks__metric="next_response", clocks__state="running")
        .latest("pk")
    )
    CustomField.objects.create(code="seats", label="Seats", label_ja="席数", kind="number")
    absence = Absence.objects.create(
        user=User.objects.get(email="anna@premium.example"),
        starts_at=timezone.now(),
        ends_at=timezone.now() + timedelta(days=2),
    )
    mail = OutboxMail.objects.create(
        key="given up",
        message_id="<given-up>",
        to=[mina.email],
        template="reply",
        state="dead",
        created_at=timezone.now(),
    )
    return {
        "account": running.account_id,
        "person": mina.pk,
        "absence": absence.pk,
        "escalation": Escalation.objects.filter(acknowledged_at=None, state="fired").latest("pk").pk,
        "mail": mail.pk,
        "team": Team.objects.filter(memberships__isnull=False).first().pk,
        "mine": Ticket.objects.active().filter(account=running.account_id).exclude(pk=running.pk).first().pk,
        "policy": policy.pk,
        "rollout": rollout.pk,
        "tried": tried_out(policy),
        "trying": in_state("running", seen=48_231, total=120_000, changed=913, finished_at=None),
        "untried": in_state("failed", reason="draft"),
        "ticket": clock.ticket_id,
        "clock": clock.pk,
        "exception": exception.pk,
        "excepted": exception.clock.ticket_id,
        "running": running.pk,
        "calendar": Calendar.objects.filter(is_default=False).first().pk,
        "claim": Ticket.objects.active().filter(claim=Claim.CLAIMED).first().pk,
    }


def tried_out(policy: Policy) -> int:
    """A dry run of half the time, with tickets that would have been late."""
    terms = policy.versions.get(is_current=True).terms
    first, *rest = terms.targets
    today = timezone.now().date()
    run = start_dry_run(
        name=policy.name,
        policy=policy,
        terms=replace(terms, targets=(replace(first, target=Target(seconds=1800)), *rest)),
        place=1,
        version=2,
        period=Period(first=today - timedelta(days=90), last=today, zone=timezone.get_default_timezone()),
        actor=User.objects.get(email="helen@premium.example"),
        now=timezone.now(),
    )
    advance_dry_runs(now=timezone.now())
    return run.pk


def in_state(state: str, **also) -> int:
    """The same dry run as it looks while it goes on, or when it could not."""
    run = DryRun.objects.latest("id")
    run.pk, run.digest, run.state = None, state, state
    for name, value in also.items():
        setattr(run, name, value)
    run.save()
    return run.pk


def problems(page: Page) -> list[str]:
    """What is wrong with the page as it stands."""
    found = [
        f"{violation['id']}: {node['html'][:200]}"
        for violation in Axe().run(page, options=RULES).response["violations"]
        for node in violation["nodes"][:3]
    ]
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"{too_wide} px wider than the screen"] if too_wide > 0 else [])


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_fit_to_be_seen(demonstration, new_context, look, pytestconfig, tmp_path):
    kept = Path(pytestconfig.getoption("pictures") or tmp_path)
    language = LOOKS[look]["locale"][:2]
    wrong: dict[str, list[str]] = {}
    for email, paths in PAGES.items():
        user = None if email == "-" else User.objects.get(email=email)
        page = new_context(user, password=PASSWORD, language=language, **LOOKS[look])
        for path in paths:
            page.goto(path.format(**demonstration))
            assert page.evaluate("document.documentElement.lang")[:2] == language, path
            if name := KEPT.get(f"{email} {path}"):
                page.screenshot(path=kept / f"{name}-{look}.png")
            if found := problems(page):
                wrong[f"{email} {path}"] = found
    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_pages_with_an_alarm_over_them_are_fit_to_be_seen(demonstration, new_context, look):
    Alarm.objects.create(name="sweep_late", since=timezone.now(), detail={"last_at": None, "oldest_at": None})
    Alarm.objects.create(name="mail_dead", since=timezone.now(), detail={"count": 3})
    language = LOOKS[look]["locale"][:2]
    page = new_context(
        User.objects.get(email="admin@premium.example"), password=PASSWORD, language=language, **LOOKS[look]
    )
    for path in ("/admin/helpdesk/alarm/", "/admin/helpdesk/ticket/", "/admin/helpdesk/absence/"):
        page.goto(path)
        assert page.locator(".alarm-bar").is_visible(), path
        assert problems(page) == [], path


@pytest.mark.slow
def test_the_queue_shows_twenty_tickets_with_the_filters_in_sight(demonstration, new_context):
    page = new_context(User.objects.get(email="anna@premium.example"), password=PASSWORD, **LOOKS["wide"])
    page.goto("/admin/helpdesk/ticket/?view=open")
    rows = page.locator("#result_list tbody tr").all()
    in_sight = [row for row in rows if (box := row.bounding_box()) and box["y"] + box["height"] <= 900]
    assert len(in_sight) >= 20
    assert page.locator("#changelist-filter").is_visible()
