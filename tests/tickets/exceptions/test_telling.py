"""Who hears that an exception waits and what became of it, and the edges of time."""

from datetime import UTC, datetime, time

import pytest

from helpdesk.accounts.models import StaffRole
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.sla.clock import Effect
from helpdesk.sla.verification import check
from helpdesk.tickets import services
from helpdesk.tickets.models import Status
from helpdesk.tickets.services import Wish
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, TeamFactory, add_to_team, make_ticket
from tests.tickets.exceptions.asking import NOW, RESTART_20, RETARGET_90, VOID, at, first, pause

pytestmark = pytest.mark.django_db


def hear(kind: str) -> set[str]:
    """Who got a notice and a mail of that kind."""
    told = set(Notice.objects.filter(kind=kind).values_list("recipient__email", flat=True))
    mailed = {address for mail in OutboxMail.objects.filter(template=kind) for address in mail.to}
    assert told == mailed
    return told


def test_the_leads_of_the_team_and_the_managers_hear_that_it_waits(ask, helen):
    team, ticket = TeamFactory(), make_ticket(now=NOW)
    ticket.team = team
    ticket.save()
    lead, other, away = (StaffFactory(staff_role=StaffRole.TEAM_LEAD) for _ in range(3))
    add_to_team(team, lead, lead=True)
    add_to_team(team, other)
    add_to_team(team, away, lead=True)
    away.is_active = False
    away.save()
    StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    ask(first(ticket), VOID, minutes=30)
    assert hear("exception_asked") == {lead.email, helen.email}


def test_who_asks_is_not_told_and_where_nobody_else_decides_administrators_are(ask, helen):
    administrator = StaffFactory(staff_role=StaffRole.ADMINISTRATOR)
    ask(first(make_ticket(now=NOW)), VOID, minutes=30, actor=helen)
    assert hear("exception_asked") == {administrator.email}


def test_who_asked_hears_what_became_of_it(ask, anna, helen):
    for approve, note in ((True, ""), (False, "No incident then.")):
        asked = ask(first(make_ticket(now=NOW)), VOID, minutes=30)
        services.decide_exception(exception=asked, approve=approve, note=note, actor=helen, now=at(31))
    assert hear("exception_decided") == {anna.email}
    assert Notice.objects.filter(kind="exception_decided").count() == 2
    assert set(Notice.objects.values_list("url", flat=True)) > {
        f"/admin/helpdesk/ticket/{asked.clock.ticket_id}/change/"
    }


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("wish", [VOID, pause(10, 25), RESTART_20, RETARGET_90])
def test_the_mails_say_what_it_is_about(ask, anna, helen, language, wish):
    for person in (anna, helen):
        person.language = language
        person.save()
    asked = ask(first(make_ticket(now=NOW)), wish, minutes=30, evidence="Announced <b>on Monday</b>.")
    services.decide_exception(exception=asked, approve=False, note="Never announced.", actor=helen, now=at(31))
    mails = {
        row.template: render(row) for row in OutboxMail.objects.filter(template__startswith="exception").order_by("id")
    }
    assert set(mails) == {"exception_asked", "exception_decided"}
    for mail in mails.values():
        html = mail.alternatives[0].content
        assert asked.clock.ticket.reference in mail.subject
        for text in (mail.body, html):
            assert ("Anything" if language == "en" else "何でも") in text
            assert "Forms show a blank page" in text
        assert "<b>on Monday" not in html
    assert "Announced <b>on Monday</b>." in mails["exception_asked"].body
    assert "Never announced." in mails["exception_decided"].body
    assert f"/admin/helpdesk/clockexception/{asked.pk}/change/" in mails["exception_asked"].body


@pytest.mark.parametrize("minutes", [60, 61])
def test_a_deadline_at_the_very_answer_is_kept(grant, anna, minutes):
    """A net deadline is met at its very instant, as every deadline is."""
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Done.", now=at(minutes + 10))
    clock = grant(first(ticket), Wish(effect=Effect.RETARGET, target_seconds=70 * 60), minutes=120)
    assert clock.is_met == (minutes == 60)


def test_designated_or_not_the_request_keeps_what_kind_of_promise_it_was(ask):
    guaranteed = ask(first(make_ticket(DesignatedFactory(), now=NOW)), VOID, minutes=30)
    aim = ask(first(make_ticket(MembershipFactory(), now=NOW)), VOID, minutes=30)
    assert (guaranteed.is_guaranteed, aim.is_guaranteed) == (True, False)


@pytest.mark.parametrize("guaranteed", [True, False])
def test_in_quiet_hours_only_a_mail_about_an_aim_waits(ask, helen, guaranteed):
    helen.quiet_from, helen.quiet_until = time(12, 0), time(14, 0)
    helen.save()
    member = DesignatedFactory() if guaranteed else MembershipFactory()
    ask(first(make_ticket(member, now=NOW)), VOID, minutes=30)
    mail = OutboxMail.objects.get(template="exception_asked")
    assert mail.next_attempt_at == (at(30) if guaranteed else datetime(2026, 11, 24, 14, 0, tzinfo=UTC))
    assert Notice.objects.filter(kind="exception_asked", recipient=helen).exists()


def test_waiting_again_pauses_a_clock_that_an_exception_let_run_again_and_says_who_did_it(grant, anna):
    ticket = make_ticket(now=NOW)
    services.reply(ticket=ticket, actor=anna, body="Which list?", now=at(5), status=Status.OPEN)
    services.customer_reply(ticket=ticket, actor=ticket.requester, body="This one.", now=at(10))
    clock = ticket.clocks.get(metric="next_response")
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(251))  # breached: it doesn't pause
    clock.refresh_from_db()
    assert (clock.state, clock.breached_at) == ("running", at(250))
    assert grant(clock, Wish(effect=Effect.RETARGET, target_seconds=300 * 60), minutes=260).breached_at is None
    services.set_status(ticket=ticket, status=Status.WAITING, actor=anna, now=at(270))
    clock.refresh_from_db()
    assert (clock.state, clock.paused_at) == ("paused", at(270))
    last = ticket.events.last()
    assert (last.kind, last.actor, last.at, last.data["after"]) == ("status", anna, at(270), "waiting")
    assert check([clock.pk]).examples == []
