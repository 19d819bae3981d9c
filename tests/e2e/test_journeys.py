"""The main job in a real browser: asked, worked, answered, escalated, reported."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from playwright.sync_api import expect

from helpdesk.escalation.models import Escalation
from helpdesk.notifications.services import deliver
from helpdesk.sla.models import Policy, PolicyVersion
from helpdesk.tickets.models import Ticket
from tests.factories import make_ticket

CLOCK_TIME = re.compile(r"\d\d:\d\d")


def test_from_the_customers_question_to_the_managers_report(world, new_context, inbox, live_server, settings):
    """Designated super admin → specialist → manager: promised, replied in time, counted as met."""
    settings.SITE_URL = live_server.url
    mina = new_context(world.mina, viewport={"width": 1280, "height": 900})
    expect(mina.locator(".offers")).to_contain_text("Guaranteed")
    mina.fill("#id_q", "Checkout forms show a blank page")
    mina.press("#id_q", "Enter")
    expect(mina.locator("h1")).to_have_text("Ask a question")
    mina.get_by_role("link", name="Write to a specialist").first.click()
    expect(mina.locator("#id_subject")).to_have_value("Checkout forms show a blank page")
    mina.select_option("#id_hub", "content")
    mina.fill("#id_body", "Since 13:40 every form renders as a blank page.")
    mina.check("#id_critical")
    expect(mina.get_by_text("What counts as business critical")).to_be_visible()
    mina.get_by_label("Everyone, or our customers").check()
    an_hour_ago = datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(hours=1)
    mina.fill("#id_since", an_hour_ago.strftime("%Y-%m-%dT%H:%M"))
    mina.fill("#id_process", "Online orders")
    mina.get_by_label("No", exact=True).check()
    expect(mina.locator(".promise:visible").first).to_contain_text("30 minutes")
    mina.get_by_role("button", name="Send", exact=True).dblclick()
    expect(mina.locator(".notice.is-ok")).to_contain_text("PS-")
    expect(mina.locator(".promise .fig").first).to_have_text(CLOCK_TIME)
    expect(mina.locator(".promise").first).to_contain_text("Guaranteed")
    ticket = Ticket.objects.get()  # a double click made one
    assert (ticket.claim, ticket.severity) == ("claimed", "critical")

    anna = new_context(world.anna, viewport={"width": 1440, "height": 900})
    row = anna.locator("#result_list tbody tr").first
    expect(row).to_contain_text("Checkout forms show a blank page")
    expect(row.locator(".clk")).to_contain_text("left")
    row.locator(".field-subject a").click()
    triage = anna.locator(".panel--act")
    expect(triage).to_contain_text("Online orders")
    triage.get_by_label("Confirm").check()
    triage.get_by_role("button", name="Confirm the claim").click()
    expect(anna.locator(".sev--confirmed").first).to_be_visible()
    anna.fill("#reply-text", "Hello Mina, the theme cache is stale. We are clearing it now.")
    anna.get_by_role("button", name=re.compile("^Send")).first.click()
    expect(anna.locator(".msg--staff")).to_contain_text("We are clearing it now.")
    clock = ticket.clocks.get(metric="first_response")
    assert clock.is_met

    mina.reload()
    expect(mina.locator("#thread")).to_contain_text("We are clearing it now.")
    expect(mina.get_by_text("Promise kept")).to_be_visible()
    deliver(now=datetime.now(UTC) + timedelta(seconds=1))
    mail = next(
        mail for mail in inbox.to(world.mina.email) if "reply+" in (mail["Reply-To"] or "") and mail["In-Reply-To"]
    )
    assert f"[PS-{ticket.pk}]" in mail["Subject"]

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):  # a report counts what has fallen due
        helen = new_context(world.helen, viewport={"width": 1440, "height": 900})
        helen.goto("/admin/reports/breaches/")
        expect(helen.locator(".kpis")).to_contain_text("100")
        by_hub = helen.locator("section", has_text="By hub").first
        by_hub.get_by_role("link", name="Content").click()
        expect(helen.locator("table").first).to_contain_text(f"PS-{ticket.pk}")


@pytest.mark.slow
def test_a_device_whose_clock_is_wrong_counts_down_rightly(world, new_context):
    ticket = make_ticket(world.account.memberships.get(user=world.mina), now=datetime.now(UTC))
    mina = new_context(world.mina)
    mina.clock.install(time=datetime.now(UTC) + timedelta(minutes=20))
    mina.goto(f"/tickets/{ticket.pk}/")
    mina.clock.run_for(6000)
    expect(mina.locator("[data-until]").first).to_have_text("in 59 min")


def shorten_the_ladder(seconds: int) -> None:
    """The same ladder on a target of seconds, as a new version of the standard policy."""
    policy = Policy.objects.get(name="Standard, designated super admins")
    old = policy.versions.get(is_current=True)
    document = {**old.document, "targets": [{**row, "seconds": seconds} for row in old.document["targets"]]}
    policy.versions.update(is_current=False)
    PolicyVersion.objects.create(policy=policy, number=2, document=document, created_at=datetime.now(UTC))


@pytest.mark.slow
def test_nobody_replies_and_the_right_people_hear_of_it(world, jobs, new_context, inbox):
    """Real beat, worker and mail server: each step once, then the breach stands in the report."""
    shorten_the_ladder(8)
    ticket = make_ticket(world.account.memberships.get(user=world.mina), now=datetime.now(UTC))
    helen = new_context(world.helen, viewport={"width": 1440, "height": 900})
    deadline = datetime.now(UTC) + timedelta(seconds=40)
    while Escalation.objects.filter(percent=100).count() == 0 or len(inbox.to(world.helen.email)) == 0:
        assert datetime.now(UTC) < deadline, "the ladder did not fire"
        helen.wait_for_timeout(300)
    assert list(Escalation.objects.order_by("due_at").values_list("percent", "reminder", "state")) == [
        (50, 0, "fired"),
        (75, 0, "fired"),
        (100, 0, "fired"),
    ]
    for person, mails in ((world.anna, 1), (world.olu, 2), (world.helen, 1)):  # Olu is in the team, and leads it
        assert len(inbox.to(person.email)) == mails
    clock = ticket.clocks.get()
    assert clock.breached_at == clock.due_at

    helen.goto("/admin/helpdesk/escalation/")
    expect(helen.locator("#result_list")).to_contain_text("100 %")
    helen.goto("/admin/reports/breaches/")
    by_hub = helen.locator("section", has_text="By hub").first
    expect(by_hub.get_by_role("row", name=re.compile("Content"))).to_contain_text("0.0")
    by_hub.get_by_role("link", name="Content").click()
    expect(helen.locator("table").first).to_contain_text(f"PS-{ticket.pk}")
