"""Tickets that have to do with each other: split, linked, of one incident; and whom a ticket is handed out to."""

import pytest

from helpdesk.accounts.models import Absence
from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.subscriptions.models import Skill
from helpdesk.tickets import services
from helpdesk.tickets.incidents import reply_to_all
from helpdesk.tickets.models import (
    Attachment,
    CustomField,
    Message,
    Reading,
    Source,
    Status,
    TicketEvent,
    TicketLink,
    Watch,
)
from helpdesk.tickets.services import Fate, How, Refused, WrongValue
from tests.at_once import at_once
from tests.factories import DesignatedFactory, StaffFactory, make_ticket
from tests.tickets.proofs import prove_all
from tests.tickets.scenes import at, first_response, reply, write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("proven")]
RELATED, DUPLICATE = TicketLink.Kind.RELATED, TicketLink.Kind.DUPLICATE


@pytest.fixture
def customer():
    return DesignatedFactory()


@pytest.fixture
def ticket(customer):
    return make_ticket(customer, now=at(0))


def kinds(ticket) -> list[str]:
    return list(ticket.events.order_by("id").values_list("kind", flat=True))


# What a merge would do ----------------------------------------------------------------------------------


def test_a_merge_is_foreseen_clock_by_clock_and_nothing_is_done(customer, specialist):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    fates = {
        (row.clock.ticket_id, row.clock.metric): row.fate
        for row in services.preview_merge(ticket=other, into=survivor, actor=specialist, now=at(30))
    }
    assert fates == {(other.pk, "first_response"): Fate.MOVES, (survivor.pk, "first_response"): Fate.ENDS}
    assert TicketEvent.objects.filter(kind="merged").count() == 0
    other.refresh_from_db()
    assert other.status == Status.NEW
    services.merge(ticket=other, into=survivor, actor=specialist, reason="", now=at(30))
    assert survivor.clocks.get(state="running").started_at == at(0)


def test_what_was_answered_keeps_its_verdict_in_the_preview(customer, specialist):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    reply(other, specialist, 25)
    rows = services.preview_merge(ticket=other, into=survivor, actor=specialist, now=at(30))
    assert {(row.clock.ticket_id, row.fate) for row in rows} == {
        (other.pk, Fate.JUDGED),
        (survivor.pk, Fate.STAYS),
    }


def test_with_a_merge_go_its_files_and_those_who_watch(customer, specialist, colleague):
    other, survivor = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(20))
    services.watch(ticket=other, user=colleague, now=at(21))
    file = a_file(other, other.messages.get())
    services.merge(ticket=other, into=survivor, actor=specialist, reason="", now=at(30))
    file.refresh_from_db()
    assert file.ticket == survivor
    assert list(survivor.watches.values_list("user", flat=True)) == [colleague.pk]


def test_an_incident_with_tickets_on_it_is_not_merged_away(ticket, customer, specialist):
    part, into = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    services.join_incident(ticket=part, incident=ticket, actor=specialist, now=at(1))
    with pytest.raises(Refused, match="hang on this incident"):
        services.merge(ticket=ticket, into=into, actor=specialist, reason="", now=at(2))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_again", range(3))
def test_two_merges_in_a_chain_lose_nothing(customer, specialist, colleague, _again):
    """A into B while B goes into C: both happen in order, or the second is told; every message has a living ticket."""
    a, b, c = (make_ticket(customer, now=at(minutes)) for minutes in (0, 1, 2))
    raised = at_once(
        lambda: services.merge(ticket=a, into=b, actor=specialist, reason="", now=at(10)),
        lambda: services.merge(ticket=b, into=c, actor=colleague, reason="", now=at(10)),
    )
    for row in (a, b, c):
        row.refresh_from_db()
    assert b.status == Status.MERGED
    if raised:
        assert [str(error) for error in raised] == [
            f"{b.reference} was merged into {c.reference} already. Nothing was changed."
        ]
        assert (a.status, c.messages.count()) == (Status.NEW, 2)
    else:
        assert (a.status, c.messages.count()) == (Status.MERGED, 3)
    assert b.messages.count() == 0
    prove_all()


# Split --------------------------------------------------------------------------------------------------


def a_file(ticket, message) -> Attachment:
    return Attachment.objects.create(
        ticket=ticket,
        message=message,
        uploaded_by=ticket.requester,
        name="log.txt",
        content_type="text/plain",
        size=3,
        digest="d",
        file="attachments/ab/abc",
        created_at=at(0),
    )


def split(ticket, actor, messages, subject="The export", minutes=10, **more):
    ids = [message.pk for message in messages]
    return services.split(ticket=ticket, messages=ids, subject=subject, actor=actor, now=at(minutes), **more)


def test_a_split_copies_and_leaves_the_record_and_its_clocks_alone(ticket, specialist):
    second = write(ticket, 5)
    a_file(ticket, second)
    new = split(ticket, specialist, [second])
    assert (new.source, new.requester, new.account, new.hub) == (
        Source.STAFF,
        ticket.requester,
        ticket.account,
        ticket.hub,
    )
    copy = new.messages.get()
    assert copy.body == f"From {ticket.reference}:\n\nAnd now?"
    assert [file.name for file in copy.attachments.all()] == ["log.txt"]
    assert ticket.messages.filter(kind="customer").count() == 2
    assert first_response(ticket).due_at == at(60)
    clock = first_response(new)
    assert (clock.promise, clock.started_at) == ("objective", at(10))
    assert (kinds(ticket)[-1], kinds(new)[-1]) == ("split", "split")
    assert (TicketLink.objects.get().first, TicketLink.objects.get().second) == (ticket, new)
    assert OutboxMail.objects.filter(template="acknowledgement").count() == 2


def test_of_several_messages_each_carries_its_author(ticket, specialist):
    answer, question = reply(ticket, specialist, 3), write(ticket, 5)
    new = split(ticket, specialist, [answer, question])
    assert new.messages.get().body == (
        f"From {ticket.reference}:\n\n{specialist}:\nHere.\n\n{ticket.requester}:\nAnd now?"
    )


def test_split_is_pressed_twice_and_done_once(ticket, specialist):
    first, again = (split(ticket, specialist, [ticket.messages.get()], submission="a" * 32) for _ in range(2))
    assert first == again
    assert kinds(ticket).count("split") == 1


def test_what_cannot_be_split(ticket, specialist, customer):
    note = services.add_note(ticket=ticket, actor=specialist, body="Budget is thin.", now=at(1))
    foreign = make_ticket(now=at(0))
    with pytest.raises(Refused, match="customer would read it"):
        split(ticket, specialist, [ticket.messages.first(), note])
    for messages, subject, words in (
        ([], "x", "at least one"),
        ([foreign.messages.get()], "x", "at least one"),
        ([ticket.messages.first()], " ", "subject"),
    ):
        with pytest.raises(Refused, match=words):
            split(ticket, specialist, messages, subject)
    customer.account.subscriptions.update(premium_support=False)
    with pytest.raises(Refused, match="no premium support for Content Hub"):
        split(ticket, specialist, [ticket.messages.first()])
    customer.delete()
    with pytest.raises(Refused, match="does not belong to"):
        split(ticket, specialist, [ticket.messages.first()])


# Links and incidents ------------------------------------------------------------------------------------


def test_a_link_is_said_once_for_both_and_taken_away_again(ticket, specialist):
    other = make_ticket(now=at(0))
    services.link(ticket=other, other=ticket, kind=RELATED, actor=specialist, now=at(1))
    with pytest.raises(Refused, match="linked like that already"):
        services.link(ticket=ticket, other=other, kind=RELATED, actor=specialist, now=at(2))
    services.link(ticket=ticket, other=other, kind=DUPLICATE, actor=specialist, now=at(3))
    assert TicketLink.objects.get().kind == DUPLICATE
    services.unlink(ticket=ticket, other=other, actor=specialist, now=at(4))
    with pytest.raises(Refused, match="not linked any more"):
        services.unlink(ticket=other, other=ticket, actor=specialist, now=at(5))
    for row in (ticket, other):
        assert kinds(row)[-3:] == ["linked", "linked", "unlinked"]
    with pytest.raises(Refused, match="to itself"):
        services.link(ticket=ticket, other=ticket, kind=RELATED, actor=specialist, now=at(6))


@pytest.mark.django_db(transaction=True)
def test_two_link_the_same_pair_at_once(ticket, specialist, colleague):
    other = make_ticket(now=at(0))
    raised = at_once(
        lambda: services.link(ticket=ticket, other=other, kind=RELATED, actor=specialist, now=at(1)),
        lambda: services.link(ticket=other, other=ticket, kind=RELATED, actor=colleague, now=at(1)),
    )
    assert [type(error) for error in raised] == [Refused]
    assert TicketLink.objects.count() == 1


def test_an_incident_has_one_level(ticket, customer, specialist):
    part, third = make_ticket(now=at(0)), make_ticket(customer, now=at(0))
    services.join_incident(ticket=part, incident=ticket, actor=specialist, now=at(1))
    part.refresh_from_db()
    assert (part.parent, kinds(part)[-1], kinds(ticket)[-1]) == (ticket, "parent", "parent")
    for child, incident, words in (
        (part, part, "part of itself"),
        (part, ticket, "of this incident already"),
        (ticket, third, "hang on"),
        (third, part, "itself a part of"),
    ):
        with pytest.raises(Refused, match=words):
            services.join_incident(ticket=child, incident=incident, actor=specialist, now=at(2))
    services.leave_incident(ticket=part, actor=specialist, now=at(3))
    part.refresh_from_db()
    assert part.parent is None
    with pytest.raises(Refused, match="any more"):
        services.leave_incident(ticket=part, actor=specialist, now=at(4))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_again", range(3))
def test_each_made_part_of_the_other_at_once(ticket, customer, specialist, colleague, _again):
    other = make_ticket(customer, now=at(0))
    raised = at_once(
        lambda: services.join_incident(ticket=ticket, incident=other, actor=specialist, now=at(1)),
        lambda: services.join_incident(ticket=other, incident=ticket, actor=colleague, now=at(1)),
    )
    assert [type(error) for error in raised] == [Refused]
    ticket.refresh_from_db()
    other.refresh_from_db()
    assert (ticket.parent is None) != (other.parent is None)


def test_one_reply_to_all_answers_each_clock_by_itself(ticket, specialist):
    parts = [make_ticket(now=at(minutes)) for minutes in (0, 5, 10)]
    for part in parts:
        services.join_incident(ticket=part, incident=ticket, actor=specialist, now=at(11))
    services.mark_spam(ticket=parts[1], actor=specialist, reason="", now=at(12))

    def send(minutes):
        return reply_to_all(
            tickets=[ticket, *parts],
            body="It is mended.",
            status=Status.WAITING,
            actor=specialist,
            submission="f" * 32,
            now=at(minutes),
        )

    assert [row.is_sent for row in send(62)] == [True, True, False, True]
    assert [first_response(row).breached_at for row in (ticket, parts[0], parts[2])] == [at(60), at(60), None]
    assert first_response(parts[2]).is_met
    again = send(63)
    assert [row.is_sent for row in again] == [False] * 4
    assert again[0].why == "It was sent with this form before."
    assert OutboxMail.objects.filter(template="reply").count() == 3


# Handing out --------------------------------------------------------------------------------------------


@pytest.fixture
def owned(customer):
    """Gives somebody so many tickets, from a minute on."""

    def give(person, count, minutes=1):
        for number in range(count):
            row = make_ticket(customer, now=at(0))
            services.assign(ticket=row, owner=person, actor=person, now=at(minutes + number))

    return give


def hand_out(ticket, actor, how=How.LOAD, present=None, minutes=30):
    services.hand_out(ticket=ticket, how=how, present=present, actor=actor, now=at(minutes))
    ticket.refresh_from_db()
    return ticket.owner


def test_by_load_it_goes_to_whom_owns_the_fewest(team, ticket, specialist, colleague, lead, owned):
    owned(specialist, 2)
    owned(colleague, 1)
    owned(lead, 3)
    assert hand_out(ticket, lead) == colleague
    event = ticket.events.get(kind="assigned")
    assert (event.actor, event.data["how"], event.data["among"], event.data["load"]) == (lead, "load", 3, 1)


def test_what_is_over_is_no_load(team, ticket, specialist, colleague, lead, owned):
    owned(colleague, 1)
    owned(lead, 2)
    owned(specialist, 3)
    for row in specialist.owned_tickets.all():
        reply(row, specialist, 20, status=Status.SOLVED)
    assert hand_out(ticket, lead) == specialist


def test_by_turn_it_goes_to_whom_was_given_one_longest_ago(team, ticket, specialist, colleague, lead, owned):
    owned(specialist, 1, minutes=1)
    owned(lead, 1, minutes=2)
    owned(colleague, 3, minutes=3)
    assert hand_out(ticket, lead, How.ROUND_ROBIN) == specialist
    assert ticket.events.get(kind="assigned").data["how"] == "round_robin"


def test_who_was_never_given_one_is_the_first_by_turn(team, ticket, specialist, colleague, lead, owned):
    owned(specialist, 1)
    owned(lead, 1)
    assert hand_out(ticket, lead, How.ROUND_ROBIN) == colleague


def test_who_knows_the_hub_comes_first_however_busy(team, ticket, specialist, colleague, lead, owned):
    Skill.objects.create(user=specialist, hub=ticket.hub)
    owned(specialist, 5)
    assert hand_out(ticket, lead) == specialist


def test_who_is_away_elsewhere_or_has_it_already_is_left_out(team, ticket, specialist, colleague, lead, owned):
    Skill.objects.create(user=specialist, hub=ticket.hub)
    Absence.objects.create(user=specialist, starts_at=at(0), ends_at=at(60))
    services.assign(ticket=ticket, owner=lead, actor=lead, now=at(1))
    assert hand_out(ticket, lead) == colleague
    with pytest.raises(Refused, match="Nobody else of the team is present"):
        hand_out(ticket, lead, present={specialist.pk, colleague.pk})
    assert hand_out(ticket, lead, present={lead.pk, colleague.pk}) == lead
    outsider = StaffFactory()
    Absence.objects.create(user=colleague, starts_at=at(0), ends_at=at(60))
    with pytest.raises(Refused, match="all are away"):
        hand_out(ticket, outsider)


def test_without_a_team_it_is_those_that_serve_the_hub(team, ticket, specialist):
    ticket.hub.teams.clear()
    orphan = make_ticket(DesignatedFactory(), hub="marketing", now=at(0))
    assert orphan.team is None
    with pytest.raises(Refused, match="No team serves Marketing Hub"):
        hand_out(orphan, specialist)
    orphan.hub.teams.add(team)
    assert hand_out(orphan, specialist) == specialist


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", How)
def test_two_that_are_handed_out_at_once_go_to_two_people(team, customer, specialist, colleague, how):
    tickets = [make_ticket(customer, now=at(0)) for _ in range(2)]
    assert at_once(*[lambda row=row: hand_out(row, specialist, how) for row in tickets]) == []
    assert {row.owner for row in tickets} == {specialist, colleague}


# Subject, tags, fields, time ------------------------------------------------------------------------------


def test_a_subject_is_said_better(ticket, specialist):
    services.change_subject(ticket=ticket, subject="  Forms are\nblank ", actor=specialist, now=at(1))
    ticket.refresh_from_db()
    event = ticket.events.get(kind="subject")
    assert (ticket.subject, event.data) == (
        "Forms are blank",
        {"before": "Forms show a blank page", "after": "Forms are blank"},
    )
    for text, words in (("  ", "needs a subject"), ("x" * 161, "longer than 160")):
        with pytest.raises(Refused, match=words):
            services.change_subject(ticket=ticket, subject=text, actor=specialist, now=at(2))


def change_tags(ticket, actor, add=(), remove=()):
    services.change_tags(ticket=ticket, add=add, remove=remove, actor=actor, now=at(1))
    return sorted(ticket.tags.values_list("name", flat=True))


def test_tags_are_one_in_any_case(ticket, specialist):
    assert change_tags(ticket, specialist, ["Outage", "outage", " two  words "]) == ["Outage", "two words"]
    assert change_tags(ticket, specialist, ["OUTAGE"], ["Two Words", "unknown"]) == ["Outage"]
    assert [event.data for event in ticket.events.filter(kind="tags")] == [
        {"added": ["Outage", "two words"], "removed": []},
        {"added": [], "removed": ["two words"]},
    ]
    assert change_tags(ticket, specialist, ["outage"]) == ["Outage"]
    assert ticket.events.filter(kind="tags").count() == 2
    with pytest.raises(Refused, match="40 letters at most"):
        change_tags(ticket, specialist, ["x" * 41])
    with pytest.raises(Refused, match="20 tags at most"):
        change_tags(ticket, specialist, [f"tag {number}" for number in range(20)])


@pytest.mark.django_db(transaction=True)
def test_one_new_tag_put_on_two_tickets_at_once(customer, specialist):
    tickets = [make_ticket(customer, now=at(0)) for _ in range(4)]
    assert at_once(*[lambda row=row: change_tags(row, specialist, ["brand new"]) for row in tickets]) == []
    assert {tuple(row.tags.values_list("name", flat=True)) for row in tickets} == {("brand new",)}


@pytest.fixture
def fields(ticket):
    rows = {
        "seats": CustomField(kind="number", label="Seats"),
        "since": CustomField(kind="date", label="Since"),
        "browser": CustomField(kind="choice", label="Browser", choices=["Firefox", "Chrome"]),
        "sandbox": CustomField(kind="check", label="Sandbox"),
        "case": CustomField(kind="text", label="Their case", hub=ticket.hub),
    }
    for code, row in rows.items():
        row.code = code
        row.save()
    return rows


def set_fields(ticket, actor, **values):
    services.set_fields(ticket=ticket, values=values, actor=actor, now=at(1))
    ticket.refresh_from_db()
    return ticket.custom_values


def test_fields_are_kept_by_their_kind_and_only_those_that_are_named(ticket, specialist, fields):
    kept = set_fields(
        ticket, specialist, seats="12,50", since="2026-11-23", browser="Chrome", sandbox="on", case=" 4-1 "
    )
    assert kept == {"seats": 12.5, "since": "2026-11-23", "browser": "Chrome", "sandbox": True, "case": "4-1"}
    assert set_fields(ticket, specialist, seats="12", browser="") == {
        "seats": 12,
        "since": "2026-11-23",
        "sandbox": True,
        "case": "4-1",
    }
    assert ticket.events.filter(kind="fields").last().data == {
        "before": {"seats": 12.5, "browser": "Chrome"},
        "after": {"seats": 12, "browser": None},
    }
    set_fields(ticket, specialist, seats="12")
    assert ticket.events.filter(kind="fields").count() == 2


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("seats", "many", "Write a number"),
        ("seats", "NaN", "Write a number"),
        ("seats", "1e400", "Write a number"),
        ("since", "23.11.2026", "2026-11-23"),
        ("browser", "Lynx", "one of the list"),
        ("case", "x" * 501, "longer than 500"),
        ("unknown", "x", "no longer in use"),
    ],
)
def test_a_value_that_cannot_be_names_its_field(ticket, specialist, fields, code, text, words):
    with pytest.raises(WrongValue, match=words) as refused:
        set_fields(ticket, specialist, **{code: text})
    assert refused.value.field == code
    ticket.refresh_from_db()
    assert ticket.custom_values == {}


def test_a_field_of_another_hub_or_out_of_use_is_none_of_this_ticket(ticket, specialist, fields):
    CustomField.objects.filter(code="seats").update(is_active=False)
    CustomField.objects.filter(code="case").update(hub="marketing")
    for code in ("seats", "case"):
        with pytest.raises(WrongValue):
            set_fields(ticket, specialist, **{code: "1"})


def test_time_is_added_and_struck_out_by_who_wrote_it(ticket, specialist, colleague):
    entry = services.add_time(ticket=ticket, minutes=25, note="Logs", actor=specialist, now=at(30))
    for minutes in (0, 1441):
        with pytest.raises(Refused, match="one minute and a day"):
            services.add_time(ticket=ticket, minutes=minutes, note="", actor=specialist, now=at(31))
    with pytest.raises(Refused, match="Only who wrote"):
        services.strike_time(entry=entry, actor=colleague, now=at(31))
    services.strike_time(entry=entry, actor=specialist, now=at(32))
    with pytest.raises(Refused, match="already"):
        services.strike_time(entry=entry, actor=specialist, now=at(33))
    entry.refresh_from_db()
    assert (entry.minutes, entry.struck_at) == (25, at(32))
    assert kinds(ticket)[-2:] == ["time", "time_struck"]


# Watching -----------------------------------------------------------------------------------------------


def told(person) -> list[str]:
    return [notice.context["event"] for notice in Notice.objects.filter(recipient=person).order_by("id")]


def test_who_watches_hears_of_what_others_do_and_of_nothing_else(ticket, specialist, colleague):
    colleague.mail_about = ["watched"]
    colleague.save()
    for person in (specialist, colleague, colleague):
        services.watch(ticket=ticket, user=person, now=at(0))
    assert Watch.objects.count() == 2
    write(ticket, 1)
    reply(ticket, specialist, 2)
    services.add_note(ticket=ticket, actor=specialist, body="Internally.", now=at(3))
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=at(4))
    services.set_status(ticket=ticket, status=Status.WAITING, actor=specialist, now=at(5))
    assert told(colleague) == ["customer_wrote", "replied", "status"]
    assert told(specialist) == ["customer_wrote"]
    mails = OutboxMail.objects.filter(template="watched")
    assert [mail.to for mail in mails] == [[colleague.email]] * 3
    services.unwatch(ticket=ticket, user=colleague)
    write(ticket, 6)
    assert len(told(colleague)) == 3


def test_who_watches_hears_that_it_was_merged_or_spam(ticket, customer, specialist, colleague):
    into, spam = make_ticket(customer, now=at(0)), make_ticket(customer, now=at(0))
    for row in (ticket, spam):
        services.watch(ticket=row, user=colleague, now=at(0))
    services.merge(ticket=ticket, into=into, actor=specialist, reason="", now=at(1))
    services.mark_spam(ticket=spam, actor=specialist, reason="", now=at(2))
    services.not_spam(ticket=spam, actor=specialist, now=at(3))
    assert told(colleague) == ["merged", "spam", "not_spam"]


def test_who_left_the_staff_hears_nothing(ticket, colleague):
    services.watch(ticket=ticket, user=colleague, now=at(0))
    colleague.is_active = False
    colleague.save()
    write(ticket, 1)
    assert told(colleague) == []
    with pytest.raises(Refused):
        services.watch(ticket=ticket, user=ticket.requester, now=at(2))


def test_a_reading_is_one_row_that_moves(ticket, specialist):
    for minutes in (1, 2):
        services.note_reading(ticket=ticket, user=specialist, now=at(minutes))
    assert Reading.objects.get().at == at(2)


def test_a_mail_to_who_watches_says_who_said_what(ticket, colleague, rendered):
    colleague.mail_about = ["watched"]
    colleague.save()
    services.watch(ticket=ticket, user=colleague, now=at(0))
    write(ticket, 1)
    subject, text = rendered(OutboxMail.objects.get(template="watched"))
    assert subject == f"[{ticket.reference}] {ticket.requester} wrote: Forms show a blank page"
    assert "> And now?" in text
    assert f"/admin/helpdesk/ticket/{ticket.pk}/change/" in text


@pytest.fixture
def rendered():
    def make(mail):
        message = render(mail)
        return message.subject, message.body

    return make


def test_messages_of_the_two_survive_a_split_and_a_merge_back(ticket, specialist):
    new = split(ticket, specialist, [ticket.messages.get()])
    services.merge(ticket=new, into=ticket, actor=specialist, reason="One matter after all", now=at(12))
    assert ticket.messages.filter(kind=Message.Kind.CUSTOMER).count() == 2
