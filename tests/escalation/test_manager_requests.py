"""Asking for a manager: who hears and answers, what is refused, and where it stands after a merge (SPEC 2.7)."""

from datetime import time, timedelta

import pytest
from django.conf import settings

from helpdesk.accounts.models import User
from helpdesk.escalation.manager_requests import answer_request, ask_manager, may_answer
from helpdesk.escalation.models import ManagerRequest
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.sla.verification import verify
from helpdesk.tickets import services
from helpdesk.tickets.models import Ticket, WordQuery
from helpdesk.tickets.services import Refused
from tests.factories import DesignatedFactory, StaffFactory, TeamFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def mina():
    return DesignatedFactory(user=UserFactory(full_name="Mina Okafor"), account__name="Kestrel")


@pytest.fixture
def ticket(crew, mina, now) -> Ticket:
    made = make_ticket(mina, now=now)
    services.assign(ticket=made, owner=crew.anna, actor=crew.olu, now=now)
    return made


def ask(ticket, actor, now, reason="Third time.") -> ManagerRequest:
    return ask_manager(ticket=ticket, actor=actor, reason=reason, now=now)


def page(ticket) -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/change/"


def values(ticket) -> dict:
    return {
        "reference": ticket.reference,
        "subject": "Forms show a blank page",
        "account": "Kestrel",
        "hub": ticket.hub.name,
        "owner": "Anna Meier",
        "url": settings.SITE_URL + page(ticket),
    }


def told(kind: str) -> dict[str, list[tuple]]:
    """What the outbox holds of a kind: keys, readers and values, by screen and by mail."""
    notices = Notice.objects.filter(kind=kind).order_by("key")
    mails = OutboxMail.objects.filter(template=kind).order_by("key")
    return {
        "screen": [(row.key, row.recipient_id, row.url, row.context) for row in notices],
        "mail": [(row.key, row.recipient_id, row.context) for row in mails],
    }


def found(word: str) -> list[int]:
    return list(Ticket.objects.filter(search_text__words=WordQuery(word)).values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("role", "active", "may"),
    [
        ("specialist", True, False),
        ("team_lead", True, True),
        ("manager", True, True),
        ("administrator", True, True),
        ("manager", False, False),
        ("", True, False),
    ],
)
def test_who_may_answer(role, active, may):
    assert may_answer(User(staff_role=role, is_active=active)) is may


def test_a_customer_asks_and_the_lead_and_the_manager_hear_at_once(ticket, crew, now):
    """Also in their quiet hours: somebody waits for a person."""
    User.objects.filter(pk=crew.helen.pk).update(quiet_from=time(0), quiet_until=time(23, 59))
    asked = ask(ticket, ticket.requester, now + MINUTE)
    assert (asked.by_customer, asked.asked_by, asked.reason, asked.asked_at) == (
        True,
        ticket.requester,
        "Third time.",
        now + MINUTE,
    )
    assert (sorted(asked.told), asked.skipped) == ([crew.olu.pk, crew.helen.pk], [])
    said = {"author": "Mina Okafor", "by_customer": True, "reason": "Third time."}
    context = values(ticket) | said | {"asked_at": (now + MINUTE).isoformat()}
    hearing = [crew.olu, crew.helen]
    assert told("manager_asked") == {
        "screen": [(f"manager_asked/{asked.pk}/{one.pk}", one.pk, page(ticket), context) for one in hearing],
        "mail": [(f"manager_asked/{asked.pk}/{one.pk}", one.pk, context) for one in hearing],
    }
    assert set(OutboxMail.objects.filter(template="manager_asked").values_list("next_attempt_at")) == {(now + MINUTE,)}
    event = ticket.events.get(kind="customer_escalated")
    assert (event.at, event.actor, event.data) == (
        now + MINUTE,
        ticket.requester,
        {"reason": "Third time.", "request": asked.pk},
    )
    ticket.refresh_from_db()
    assert (ticket.updated_at, found("third")) == (now + MINUTE, [ticket.pk])


def test_who_is_away_is_passed_over_and_that_is_kept(ticket, crew, leave, now):
    away = leave(crew.olu)
    asked = ask(ticket, ticket.requester, now)
    assert asked.told == [crew.helen.pk]
    assert asked.skipped == [{"user": crew.olu.pk, "until": away.ends_at.isoformat()}]


def test_a_specialist_asks_and_reads_the_answer_on_their_screen_alone(ticket, crew, now):
    asked = ask(ticket, crew.anna, now)
    assert (asked.by_customer, ticket.events.get(kind="escalated").data["request"]) == (False, asked.pk)
    answered = answer_request(request=asked, actor=crew.helen, answer="Give it to Jan.", now=now + MINUTE)
    assert (answered.answer, answered.answered_by, answered.answered_at) == (
        "Give it to Jan.",
        crew.helen,
        now + MINUTE,
    )
    context = values(ticket) | {"author": "Helen Marsh", "answer": "Give it to Jan."}
    key = f"manager_answered/{asked.pk}/{crew.anna.pk}"
    assert told("manager_answered") == {"screen": [(key, crew.anna.pk, page(ticket), context)], "mail": []}
    event = ticket.events.get(kind="escalation_answered")
    assert (event.at, event.actor, event.data) == (
        now + MINUTE,
        crew.helen,
        {"answer": "Give it to Jan.", "request": asked.pk, "internal": True},
    )
    ticket.refresh_from_db()
    assert (ticket.updated_at, found("jan")) == (now + MINUTE, [ticket.pk])


def test_the_customer_has_the_answer_by_mail_with_what_they_had_asked(ticket, crew, now):
    asked = ask(ticket, ticket.requester, now)
    answer_request(request=asked, actor=crew.olu, answer="I call you at ten.", now=now + MINUTE)
    mail = OutboxMail.objects.get(template="manager_answered")
    assert (mail.key, mail.to) == (f"manager_answered/{asked.pk}", [ticket.requester.email])
    said = {"author": "Olu Adeyemi", "answer": "I call you at ten.", "reason": "Third time."}
    assert mail.context.items() >= (said | {"asked_at": now.isoformat(), "reference": ticket.reference}).items()
    assert Notice.objects.filter(kind="manager_answered").count() == 0
    assert ticket.events.get(kind="escalation_answered").data["internal"] is False
    asked.refresh_from_db()
    assert (asked.answer, asked.answered_by, asked.answered_at) == ("I call you at ten.", crew.olu, now + MINUTE)
    assert (asked.is_open, verify(now=now + MINUTE).differing) == (False, 0)


def test_whoever_answers_themselves_is_not_told(ticket, crew, now):
    asked = ask(ticket, crew.olu, now)
    answer_request(request=asked, actor=crew.olu, answer="I do it.", now=now)
    assert told("manager_answered") == {"screen": [], "mail": []}


def test_a_colleague_who_came_later_than_the_manager_has_the_answer_too(ticket, crew, now):
    colleague = StaffFactory()
    answer_request(request=ask(ticket, colleague, now), actor=crew.helen, answer="I do it.", now=now)
    assert [row[1] for row in told("manager_answered")["screen"]] == [colleague.pk]


def test_a_ticket_without_an_owner_names_none(crew, now):
    asked = ask(make_ticket(now=now), crew.anna, now)
    assert {row.context["owner"] for row in Notice.objects.filter(key__startswith=f"manager_asked/{asked.pk}/")} == {""}


def test_what_is_asked_without_a_reason_or_of_a_ticket_that_is_over_is_refused(ticket, mina, crew, now):
    other = make_ticket(now=now)
    with pytest.raises(Refused, match="Say why"):
        ask(ticket, ticket.requester, now, reason=" \n")
    services.mark_spam(ticket=other, actor=crew.olu, reason="A joke.", now=now)
    with pytest.raises(Refused, match="not worked on any more"):
        ask(other, crew.anna, now)
    services.merge(ticket=ticket, into=make_ticket(mina, now=now), actor=crew.olu, reason="The same", now=now)
    with pytest.raises(Refused, match="not worked on any more"):
        ask(ticket, crew.anna, now)
    assert ManagerRequest.objects.count() == 0


def test_one_of_the_customers_and_one_of_the_staffs_may_wait(ticket, crew, now):
    first = ask(ticket, ticket.requester, now)
    ask(ticket, crew.anna, now)
    ask(make_ticket(now=now), crew.anna, now)  # another ticket's is another matter
    for actor in (ticket.requester, crew.jan):
        with pytest.raises(Refused, match=r"asked at 12:05 already"):
            ask(ticket, actor, now + MINUTE)
    answer_request(request=first, actor=crew.helen, answer="On it.", now=now)
    assert ask(ticket, ticket.requester, now + MINUTE).is_open
    with pytest.raises(Refused, match="already"):
        ask(ticket, crew.jan, now + MINUTE)


def test_an_answer_that_cannot_be_is_refused_and_the_request_waits(ticket, crew, now):
    asked, own = ask(ticket, ticket.requester, now), ask(ticket, crew.anna, now)
    with pytest.raises(Refused, match="a team lead, a manager or an administrator answers"):
        answer_request(request=asked, actor=crew.anna, answer="All is well.", now=now)
    with pytest.raises(Refused, match="Write an answer first"):
        answer_request(request=asked, actor=crew.helen, answer=" ", now=now)
    with pytest.raises(Refused, match="Write what is to be done"):
        answer_request(request=own, actor=crew.helen, answer="\n", now=now)
    assert ManagerRequest.objects.waiting().count() == 2
    on_another_screen = ManagerRequest.objects.get(pk=asked.pk)
    answer_request(request=asked, actor=crew.helen, answer="On it.", now=now)
    with pytest.raises(Refused, match="Somebody has answered this already"):
        answer_request(request=on_another_screen, actor=crew.olu, answer="Twice.", now=now)
    assert ManagerRequest.objects.get(pk=asked.pk).answered_by == crew.helen


def test_after_merges_it_stands_on_the_ticket_that_stays_and_is_its_teams(ticket, mina, crew, now):
    first, then, last, team = make_ticket(mina, now=now), make_ticket(mina, now=now), ticket, TeamFactory()
    Ticket.objects.update(team=None)
    Ticket.objects.filter(pk=last.pk).update(team=crew.team)
    Ticket.objects.filter(pk__in=[first.pk, then.pk]).update(team=team)
    asked = ask(first, first.requester, now)
    assert list(ManagerRequest.objects.of_team(team)) == [asked]
    services.merge(ticket=first, into=then, actor=crew.olu, reason="The same", now=now)
    assert list(ManagerRequest.objects.of_team(team)) == [asked]
    services.merge(ticket=then, into=last, actor=crew.olu, reason="The same", now=now)
    asked = ManagerRequest.objects.get()
    assert [list(ManagerRequest.objects.of_team(one)) for one in (team, crew.team)] == [[], [asked]]
    assert [list(ManagerRequest.objects.of(one)) for one in (first, then, last)] == [[asked]] * 3
    assert (asked.standing, list(ManagerRequest.objects.waiting())) == (last, [asked])
    answer_request(request=asked, actor=crew.olu, answer="I call you at ten.", now=now + MINUTE)
    assert OutboxMail.objects.get(template="manager_answered").to == [last.requester.email]
    assert last.events.filter(kind="escalation_answered").count() == 1
    assert list(ManagerRequest.objects.waiting()) == []


def test_on_spam_nobody_waits(ticket, crew, now):
    asked = ask(ticket, ticket.requester, now)
    services.mark_spam(ticket=ticket, actor=crew.olu, reason="A joke.", now=now)
    assert list(ManagerRequest.objects.waiting()) == []
    services.not_spam(ticket=ticket, actor=crew.olu, now=now)
    assert list(ManagerRequest.objects.waiting()) == [asked]
    assert str(asked) == f"PS-{ticket.pk} · 2026-11-24 12:05"


def test_a_deadline_that_has_passed_is_written_down_before_a_manager_is_asked_or_answers(ticket, crew, now):
    asked = ask(ticket, ticket.requester, now + 59 * MINUTE)
    clock = ticket.clocks.get()
    answer_request(request=asked, actor=crew.helen, answer="On it.", now=now + 61 * MINUTE)
    clock.refresh_from_db()
    assert (clock.breached_at, clock.owner_at_due) == (now + 60 * MINUTE, crew.anna)
