"""What a customer does with a ticket after sending it: escalate, ask for critical, copies, reopen, rate (SPEC 2.7)."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction

from helpdesk.accounts.models import Absence, StaffRole
from helpdesk.accounts.people import remove
from helpdesk.escalation.manager_requests import answer_request, ask_manager
from helpdesk.escalation.models import ManagerRequest
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.sla.clock import Metric, State
from helpdesk.sla.models import Clock
from helpdesk.tickets import services
from helpdesk.tickets.models import Claim, Rating, Status, Ticket, TicketEvent
from tests.factories import StaffFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FACTS = {"affected": "everyone", "since": "2026-11-24T12:00", "process": "Order forms", "workaround": "none"}


def mails(template: str) -> list[OutboxMail]:
    return list(OutboxMail.objects.filter(template=template).order_by("id"))


@pytest.fixture
def helen(db):
    return StaffFactory(full_name="Helen Marsh", staff_role=StaffRole.MANAGER)


# --- a manager is asked for ---------------------------------------------------------------------------
def test_a_manager_hears_of_an_escalation_and_the_customer_reads_the_answer(kestrel, sign_in, frozen, helen):
    ticket, client = make_ticket(kestrel.mina, now=frozen), sign_in(kestrel.mina)
    answer = client.post(f"/tickets/{ticket.pk}/escalate/", {"escalate-reason": "Third time this month."}, follow=True)
    assert "A manager has your request" in answer.text
    asked = ManagerRequest.objects.get()
    assert (asked.by_customer, asked.asked_by, asked.told) == (True, kestrel.mina.user, [helen.pk])
    assert [mail.to for mail in mails("manager_asked")] == [[helen.email]]
    assert Notice.objects.filter(recipient=helen, kind="manager_asked").count() == 1
    assert ticket.events.filter(kind=TicketEvent.Kind.CUSTOMER_ESCALATED, actor=kestrel.mina.user).count() == 1
    page = client.get(f"/tickets/{ticket.pk}/").text
    assert "Mina Okafor asked for a manager" in page
    assert 'name="escalate-reason"' not in page  # one at a time

    answer_request(request=asked, actor=helen, answer="I call you at ten.", now=frozen + MINUTE)
    page = client.get(f"/tickets/{ticket.pk}/").text
    assert "Helen Marsh, for our managers, answered" in page
    assert "I call you at ten." in page
    assert 'name="escalate-reason"' in page
    assert [mail.to for mail in mails("manager_answered")] == [[kestrel.mina.user.email]]


def test_after_a_merge_the_customer_still_waits_for_the_manager(kestrel, sign_in, frozen, helen):
    gone, stays = (make_ticket(kestrel.mina, now=frozen) for _ in range(2))
    asked = ask_manager(ticket=gone, actor=kestrel.mina.user, reason="Third time.", now=frozen)
    services.merge(ticket=gone, into=stays, actor=helen, reason="the same", now=frozen)
    client = sign_in(kestrel.mina)
    page = client.get(f"/tickets/{stays.pk}/").text
    assert "A manager was asked for" in page
    assert 'name="escalate-reason"' not in page
    answer_request(request=asked, actor=helen, answer="I call you at ten.", now=frozen + MINUTE)
    page = client.get(f"/tickets/{stays.pk}/").text
    assert "I call you at ten." in page
    assert 'name="escalate-reason"' in page


def test_an_escalation_is_told_to_who_stands_in(kestrel, now, helen):
    away = StaffFactory(staff_role=StaffRole.TEAM_LEAD)
    team = TeamFactory()
    add_to_team(team, away, lead=True)
    Absence.objects.create(user=away, starts_at=now - DAY, ends_at=now + DAY)
    ticket = make_ticket(kestrel.mina, now=now)
    Ticket.objects.filter(pk=ticket.pk).update(team=team)
    asked = ask_manager(ticket=ticket, actor=kestrel.mina.user, reason="Nobody answers.", now=now)
    assert asked.told == [helen.pk]
    assert [row["user"] for row in asked.skipped] == [away.pk]


def test_one_open_escalation_at_a_time_by_the_database(kestrel, now, helen):
    ticket = make_ticket(kestrel.mina, now=now)
    asked = ask_manager(ticket=ticket, actor=kestrel.mina.user, reason="Why?", now=now)
    with pytest.raises(services.Refused, match="already"):
        ask_manager(ticket=ticket, actor=kestrel.tomas.user, reason="And again", now=now)
    with pytest.raises(IntegrityError), transaction.atomic():
        ManagerRequest.objects.create(
            ticket=ticket, asked_by=kestrel.mina.user, by_customer=True, reason="x", asked_at=now
        )
    ask_manager(ticket=ticket, actor=StaffFactory(), reason="Platform team, please.", now=now)  # of the staff, apart
    answer_request(request=asked, actor=helen, answer="On it.", now=now + MINUTE)
    with pytest.raises(services.Refused, match="answered this already"):
        answer_request(request=asked, actor=helen, answer="Twice.", now=now + MINUTE)
    ask_manager(ticket=ticket, actor=kestrel.mina.user, reason="Still.", now=now + 2 * MINUTE)


def test_a_managers_answer_is_no_reply_and_answers_no_clock(kestrel, now, helen):
    ticket = make_ticket(kestrel.mina, now=now)
    asked = ask_manager(ticket=ticket, actor=kestrel.mina.user, reason="Why?", now=now)
    answer_request(request=asked, actor=helen, answer="On it.", now=now + MINUTE)
    assert ticket.clocks.get(metric=Metric.FIRST_RESPONSE).state == State.RUNNING


def test_only_who_leads_or_manages_answers(kestrel, now):
    asked = ask_manager(ticket=make_ticket(kestrel.mina, now=now), actor=kestrel.mina.user, reason="Why?", now=now)
    with pytest.raises(services.Refused, match="team lead"):
        answer_request(request=asked, actor=StaffFactory(), answer="All is well.", now=now)
    assert ManagerRequest.objects.get().is_open


def test_what_specialists_ask_their_manager_stays_inside(kestrel, sign_in, now, helen):
    ticket = make_ticket(kestrel.mina, now=now)
    asked = ask_manager(ticket=ticket, actor=StaffFactory(), reason="The customer is wrong.", now=now)
    answer_request(request=asked, actor=helen, answer="Humour them.", now=now + MINUTE)
    page = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/").text
    assert "customer is wrong" not in page
    assert "Humour them" not in page
    assert mails("manager_answered") == []


def test_an_escalation_without_a_reason_is_kept_and_said(kestrel, sign_in, now):
    ticket = make_ticket(kestrel.mina, now=now)
    answer = sign_in(kestrel.mina).post(f"/tickets/{ticket.pk}/escalate/", {"escalate-reason": " \n "})
    assert answer.status_code == 422
    assert "Say why: the manager reads it." in answer.text
    assert ManagerRequest.objects.count() == 0


# --- business critical, later ---------------------------------------------------------------------------
def test_asking_for_critical_says_the_new_promise_before(kestrel, sign_in, now):
    ticket, client = make_ticket(kestrel.mina, now=now), sign_in(kestrel.mina)
    with time_machine.travel(now + 10 * MINUTE, tick=False):
        page = client.get(f"/tickets/{ticket.pk}/critical/").text
        assert "13:35" in page  # thirty minutes from 13:05 in Berlin
        assert "Guaranteed within 30 minutes" in page
        assert "It counts from when you sent the ticket." in page
        ticket.refresh_from_db()
        assert ticket.claim == Claim.NONE  # looking asks for nothing
        client.post(f"/tickets/{ticket.pk}/critical/", FACTS)
    ticket.refresh_from_db()
    assert ticket.claim == Claim.CLAIMED
    assert ticket.clocks.get().due_at == now + 30 * MINUTE
    assert "Mina Okafor asked for business critical" in client.get(f"/tickets/{ticket.pk}/").text


def test_asked_too_late_the_guarantee_counts_from_now(kestrel, sign_in, now):
    ticket, client = make_ticket(kestrel.mina, now=now), sign_in(kestrel.mina)
    with time_machine.travel(now + 40 * MINUTE, tick=False):
        page = client.get(f"/tickets/{ticket.pk}/critical/").text
    assert "14:15" in page
    assert "It counts from now on." in page
    assert Clock.objects.get().breached_at is None  # the preview left nothing behind


@pytest.mark.parametrize("who", ["tomas", "aoife"])
def test_who_may_not_ask_for_critical_is_not_offered_it(kestrel, sign_in, now, who):
    ticket, client = make_ticket(getattr(kestrel, who), now=now), sign_in(getattr(kestrel, who))
    assert f"/tickets/{ticket.pk}/critical/" not in client.get(f"/tickets/{ticket.pk}/").text
    assert client.post(f"/tickets/{ticket.pk}/critical/", FACTS).status_code == 302
    ticket.refresh_from_db()
    assert ticket.claim == Claim.NONE


def test_a_super_admin_who_is_not_designated_asks_for_no_guarantee_on_a_colleagues_ticket(kestrel, sign_in, now):
    """They see every ticket of the account; what only a designated one may claim stays theirs to claim."""
    ticket, client = make_ticket(kestrel.mina, now=now), sign_in(kestrel.tomas)
    assert f"/tickets/{ticket.pk}/critical/" not in client.get(f"/tickets/{ticket.pk}/").text
    assert client.post(f"/tickets/{ticket.pk}/critical/", FACTS).status_code == 302
    kestrel.mina.is_designated = False
    kestrel.mina.save()
    with pytest.raises(services.Refused, match="designated"):
        services.ask_critical(ticket=ticket, actor=kestrel.mina.user, facts={}, now=now)
    ticket.refresh_from_db()
    assert (ticket.claim, ticket.clocks.get().due_at) == (Claim.NONE, now + 60 * MINUTE)


def test_each_question_has_to_be_answered(kestrel, sign_in, frozen):
    ticket = make_ticket(kestrel.mina, now=frozen)
    answer = sign_in(kestrel.mina).post(f"/tickets/{ticket.pk}/critical/", FACTS | {"process": "", "since": "soon"})
    assert answer.status_code == 422
    assert "Name the process that has stopped." in answer.text
    assert "Give a date and a time" in answer.text
    assert 'value="everyone" id="id_affected_0" required checked' in answer.text or "checked" in answer.text


# --- people in copy ---------------------------------------------------------------------------------------
def test_colleagues_are_put_in_copy_and_told_once(kestrel, sign_in, now):
    ticket, client = make_ticket(kestrel.mina, now=now), sign_in(kestrel.mina)
    url = f"/tickets/{ticket.pk}/copies/"
    client.post(url, {"copies-add": "Aoife@Kestrel.example, ben@kestrel.example"})
    ticket.refresh_from_db()
    assert ticket.cc == ["aoife@kestrel.example", "ben@kestrel.example"]
    client.post(url, {"remove": "ben@kestrel.example"})
    client.post(url, {"copies-add": "ben@kestrel.example"})
    ticket.refresh_from_db()
    assert ticket.cc == ["aoife@kestrel.example", "ben@kestrel.example"]
    assert [mail.to for mail in mails("copied")] == [["aoife@kestrel.example"], ["ben@kestrel.example"]]
    data = ticket.events.filter(kind=TicketEvent.Kind.COPIES).values_list("data", flat=True)
    assert [(row["added"], row["removed"]) for row in data][1] == ([], ["ben@kestrel.example"])


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nobody", "isn&#x27;t a complete e-mail address"),
        ("", "Write at least one e-mail address."),
        (", ".join(f"p{n}@kestrel.example" for n in range(11)), "At most 10 people can be in copy; these are 11."),
    ],
)
def test_wrong_copies_are_said_beside_the_field(kestrel, sign_in, now, typed, said):
    ticket = make_ticket(kestrel.mina, now=now)
    answer = sign_in(kestrel.mina).post(f"/tickets/{ticket.pk}/copies/", {"copies-add": typed})
    assert answer.status_code == 422
    assert said in answer.text
    ticket.refresh_from_db()
    assert ticket.cc == []


def test_who_wants_no_mail_of_copies_gets_none_when_they_are_put_there(kestrel, sign_in, now):
    kestrel.aoife.user.mail_copies = False
    kestrel.aoife.user.save()
    ticket = make_ticket(kestrel.mina, now=now)
    added = [kestrel.aoife.user.email, "ben@kestrel.example"]
    services.change_copies(ticket=ticket, actor=kestrel.mina.user, add=added, now=now)
    assert [mail.to for mail in mails("copied")] == [["ben@kestrel.example"]]


def test_who_was_removed_from_the_account_reads_no_copy_any_more_until_somebody_puts_them_there_again(kestrel, now):
    ticket, specialist, aoife = make_ticket(kestrel.mina, now=now), StaffFactory(), kestrel.aoife.user.email
    common = {"ticket": ticket, "actor": kestrel.mina.user}
    services.change_copies(**common, add=[aoife, "ben@kestrel.example"], now=now)
    remove(membership=kestrel.aoife, actor=kestrel.mina.user, now=now + MINUTE)
    services.reply(ticket=ticket, actor=specialist, body="Of the account.", now=now + 2 * MINUTE)
    assert [mail.cc for mail in mails("reply")] == [["ben@kestrel.example"]]
    services.change_copies(**common, remove=[aoife], now=now + 3 * MINUTE)
    services.change_copies(**common, add=[aoife], now=now + 4 * MINUTE)
    services.reply(ticket=ticket, actor=specialist, body="Again.", now=now + 5 * MINUTE)
    assert mails("reply")[-1].cc == ["ben@kestrel.example", aoife]


def test_an_eleventh_in_copy_is_refused_also_by_the_verb(kestrel, now):
    ticket = make_ticket(kestrel.mina, now=now)
    ten = [f"p{n}@kestrel.example" for n in range(10)]
    services.change_copies(ticket=ticket, actor=kestrel.mina.user, add=ten, now=now)
    with pytest.raises(services.Refused, match="these are 11"):
        services.change_copies(ticket=ticket, actor=kestrel.mina.user, add=["one.more@kestrel.example"], now=now)
    long = "a" * 60 + "@" + ".".join(["b" * 60] * 4) + ".example"
    with pytest.raises(services.Refused, match="too long|complete"):
        services.change_copies(ticket=ticket, actor=kestrel.mina.user, remove=ten, add=[long], now=now)


# --- open again ----------------------------------------------------------------------------------------------
def test_reopening_sends_the_reason_and_starts_the_next_reply(kestrel, sign_in, frozen):
    ticket, client = make_ticket(kestrel.mina, now=frozen - DAY), sign_in(kestrel.mina)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Done.", status=Status.SOLVED, now=frozen - DAY + MINUTE)
    assert "Not solved? Open it again" in client.get(f"/tickets/{ticket.pk}/").text
    sent = {"reason": "It is blank again.", "key": "A" * 22}
    for _twice in range(2):
        assert client.post(f"/tickets/{ticket.pk}/reopen/", sent).status_code == 302
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN
    assert ticket.messages.filter(body="It is blank again.").count() == 1
    assert ticket.clocks.filter(metric=Metric.NEXT_RESPONSE, state=State.RUNNING).count() == 1


def test_another_reason_in_a_form_that_was_sent_is_not_lost(kestrel, sign_in, frozen):
    """*Back* in the browser, after it was solved a second time."""
    ticket, client = make_ticket(kestrel.mina, now=frozen - DAY), sign_in(kestrel.mina)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Done.", status=Status.SOLVED, now=frozen - DAY + MINUTE)
    url, sent = f"/tickets/{ticket.pk}/reopen/", {"reason": "It is blank again.", "key": "A" * 22}
    client.post(url, sent, follow=True)
    services.set_status(ticket=ticket, actor=StaffFactory(), status=Status.SOLVED, now=frozen)
    answer = client.post(url, sent | {"reason": "Now the menu is gone, too."})
    assert answer.status_code == 422
    assert "Now the menu is gone, too." in answer.text
    assert "The ticket is open again." not in answer.text
    key = re.search(r"/reopen/.*?name=\"key\" value=\"([^\"]+)\"", answer.text, re.DOTALL)[1]
    assert client.post(url, sent | {"reason": "Now the menu is gone, too.", "key": key}).status_code == 302
    assert ticket.messages.filter(body="Now the menu is gone, too.").count() == 1


# --- rating -----------------------------------------------------------------------------------------------------
@pytest.fixture
def solved(kestrel, now):
    ticket, anna = make_ticket(kestrel.mina, now=now), StaffFactory(full_name="Anna Meier")
    services.reply(ticket=ticket, actor=anna, body="Done.", status=Status.SOLVED, now=now + MINUTE)
    ticket.refresh_from_db()
    return ticket


def test_the_last_reply_asks_for_a_rating_and_its_link_needs_a_login(solved, kestrel, client, sign_in):
    (mail,) = mails("reply")
    assert mail.context["rate_url"].endswith(f"/tickets/{solved.pk}/rate/")
    assert client.get(f"/tickets/{solved.pk}/rate/").status_code == 302
    assert "How well did we help?" in sign_in(kestrel.mina).get(f"/tickets/{solved.pk}/rate/").text


def test_solved_without_a_reply_tells_the_customer(kestrel, now):
    ticket, anna = make_ticket(kestrel.mina, now=now), StaffFactory()
    services.reply(ticket=ticket, actor=anna, body="Try it.", now=now + MINUTE)
    assert mails("solved") == []
    services.set_status(ticket=ticket, status=Status.SOLVED, actor=anna, now=now + 2 * MINUTE)
    services.set_status(ticket=ticket, status=Status.SOLVED, actor=anna, now=now + 3 * MINUTE)
    assert [mail.to for mail in mails("solved")] == [[kestrel.mina.user.email]]


def test_one_rating_a_ticket_that_can_be_changed_for_two_weeks(solved, kestrel, sign_in, now):
    client, url = sign_in(kestrel.mina), f"/tickets/{solved.pk}/rate/"
    with time_machine.travel(now + DAY, tick=False):
        client.post(url, {"score": "5", "comment": "Quick."})
        client.post(url, {"score": "2", "comment": "Broken again."})
    rating = Rating.objects.get()
    assert (rating.score, rating.comment, rating.specialist.full_name) == (2, "Broken again.", "Anna Meier")
    with time_machine.travel(now + 15 * DAY, tick=False):
        sign_in(kestrel.mina).post(url, {"score": "4"})
    with time_machine.travel(now + 16 * DAY, tick=False):
        answer = sign_in(kestrel.mina).post(url, {"score": "1"})
    assert answer.status_code == 422
    assert "these are over" in answer.text
    assert Rating.objects.get().score == 4
    said = [(row["before"], row["score"]) for row in solved.events.filter(kind="rated").values_list("data", flat=True)]
    assert said == [(None, 5), (5, 2), (2, 4)]
    assert Notice.objects.filter(kind="rated", recipient=rating.specialist).count() == 3


def test_only_who_asked_rates_and_only_what_a_person_answered(solved, kestrel, sign_in, now):
    assert sign_in(kestrel.tomas).post(f"/tickets/{solved.pk}/rate/", {"score": "1"}).status_code == 422
    unanswered = make_ticket(kestrel.mina, now=now)
    services.close_by_customer(ticket=unanswered, actor=kestrel.mina.user, now=now)
    assert sign_in(kestrel.mina).post(f"/tickets/{unanswered.pk}/rate/", {"score": "1"}).status_code == 422
    assert sign_in(kestrel.mina).post(f"/tickets/{solved.pk}/rate/", {"score": "9"}).status_code == 422
    assert Rating.objects.count() == 0


# --- live --------------------------------------------------------------------------------------------------------
def test_an_open_page_gets_the_parts_that_changed_and_never_the_reply_box(kestrel, sign_in, frozen):
    ticket, client = make_ticket(kestrel.mina, now=frozen), sign_in(kestrel.mina)
    seen = client.get(f"/tickets/{ticket.pk}/").context["stamp"]
    services.reply(ticket=ticket, actor=StaffFactory(full_name="Anna Meier"), body="Look here.", now=frozen)
    part = client.get(f"/tickets/{ticket.pk}/news/?seen={seen}").text
    assert "Anna Meier replied at 13:05." in part
    for name in ("thread", "promise-now", "first-reply", "ticket-head"):
        assert f'id="{name}" hx-swap-oob="true"' in part
    assert "Look here." in part
    assert "<textarea" not in part
    assert client.get(f"/tickets/{ticket.pk}/news/?seen=" + part.split("?seen=")[1].split('"')[0]).status_code == 204


def test_a_changed_promise_is_news(kestrel, sign_in, frozen):
    ticket, client = make_ticket(kestrel.mina, critical=True, now=frozen), sign_in(kestrel.mina)
    seen = client.get(f"/tickets/{ticket.pk}/").context["stamp"]
    services.judge_claim(ticket=ticket, actor=StaffFactory(), confirmed=False, reason="One form only.", now=frozen)
    part = client.get(f"/tickets/{ticket.pk}/news/?seen={seen}").text
    assert "The reply is due by 14:05." in part
    assert client.get(f"/tickets/{ticket.pk}/news/?seen=x-y").status_code == 200


# --- the list -------------------------------------------------------------------------------------------------------
def test_a_search_finds_japanese_words_and_never_by_an_internal_note(kestrel, sign_in, now):
    ticket, client = make_ticket(kestrel.mina, subject="フォームが真っ白になる", now=now), sign_in(kestrel.mina)
    services.add_note(ticket=ticket, actor=StaffFactory(), body="Zanzibar budget", now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Please clear the cache.", now=now)
    found = f"/tickets/{ticket.pk}/"
    assert found in client.get("/tickets/", {"q": "真っ白"}).text
    assert found in client.get("/tickets/", {"q": "cache フォーム"}).text
    assert found not in client.get("/tickets/", {"q": "zanzibar"}).text
    assert found not in client.get("/tickets/", {"q": "cache zanzibar"}).text


def test_a_period_leaves_out_what_was_opened_before(kestrel, sign_in, frozen):
    old, new = (make_ticket(kestrel.mina, now=frozen - days * DAY) for days in (40, 3))
    page = sign_in(kestrel.mina).get("/tickets/", {"opened": "30"}).text
    assert f"/tickets/{new.pk}/" in page
    assert f"/tickets/{old.pk}/" not in page


def test_a_solved_ticket_that_is_closed_isnt_solved_twice(kestrel, sign_in, frozen, helen):
    ticket = make_ticket(kestrel.mina, now=frozen)
    services.reply(ticket=ticket, actor=helen, body="Done.", status=Status.SOLVED, now=frozen + MINUTE)
    services.set_status(ticket=ticket, actor=helen, status=Status.CLOSED, now=frozen + 2 * MINUTE)
    page = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/").text
    assert (page.count("Marked as solved by Helen Marsh"), page.count("Closed by Helen Marsh")) == (1, 1)
