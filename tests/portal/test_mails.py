"""Mails say what was promised and what became of it, in the reader's language, and harmlessly."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMultiAlternatives

from helpdesk.escalation.sweep import sweep
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.tickets import services
from tests.factories import DesignatedFactory, MembershipFactory, StaffFactory, UserFactory, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
HOSTILE = "<script>alert(1)</script> & “Fish”\r\nBcc: x@y.example"


def mail_of(template: str) -> EmailMultiAlternatives:
    return render(OutboxMail.objects.get(template=template))


def html(mail: EmailMultiAlternatives) -> str:
    return mail.alternatives[0].content


@pytest.fixture
def mina():
    return DesignatedFactory(user=UserFactory(full_name="Mina Okafor", time_zone="Europe/Berlin"))


@pytest.fixture(params=["en", "ja"])
def everything(request, now) -> list[OutboxMail]:
    """Each kind of mail, in English and Japanese, for a hostile subject and text."""
    staff = StaffFactory(staff_role="manager", language=request.param)
    user = UserFactory(full_name="<b>Mina</b>", language=request.param)
    ticket = make_ticket(DesignatedFactory(user=user), critical=True, subject=HOSTILE[:100], body=HOSTILE, now=now)
    sweep(now=now + 45 * MINUTE)
    services.judge_claim(ticket=ticket, actor=staff, confirmed=False, reason=HOSTILE, now=now + 46 * MINUTE)
    services.reply(ticket=ticket, actor=staff, body=HOSTILE, now=now + 50 * MINUTE)
    aim = make_ticket(MembershipFactory(user=UserFactory(language=request.param)), now=now)
    services.reply(ticket=aim, actor=staff, body="Hello", now=now + 50 * MINUTE)
    return list(OutboxMail.objects.all())


def test_every_mail_renders_in_both_languages_and_escapes_what_people_wrote(everything):
    assert {mail.template for mail in everything} == {"acknowledgement", "escalation", "judgement", "reply"}
    for row in everything:
        mail = render(row)
        page = html(mail)
        assert f'<html lang="{row.language}">' in page
        assert "<script>" not in page
        assert "<b>Mina" not in page
        assert "&amp;amp;" not in page
        assert "&amp;lt;" not in page
        assert "&lt;" not in mail.body
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject
        assert mail.subject.startswith("[PS-")
        assert "Bcc" not in mail.extra_headers


def test_the_acknowledgement_leads_with_the_promised_time(mina, now):
    ticket = make_ticket(mina, critical=True, subject="Forms & pages are blank", now=now)
    mail = mail_of("acknowledgement")
    assert mail.subject == f"[{ticket.reference}] We reply by 13:35: Forms & pages are blank"
    assert "A specialist replies by 13:35\nGuaranteed within 30 minutes\n" in mail.body
    assert "Tuesday 24 November, Berlin time. The clock started at 13:05." in mail.body
    assert "is not the reply that we promise" in mail.body
    assert ">13:35</p>" in html(mail)


def test_an_aim_is_called_an_aim_with_its_day(now):
    ticket = make_ticket(MembershipFactory(), subject="A question", now=now)
    mail = mail_of("acknowledgement")
    assert mail.subject == f"[{ticket.reference}] We aim to reply by Wed 12:05: A question"
    assert "not guaranteed" in mail.body
    assert "Guaranteed within" not in mail.body


def test_the_reply_tells_whether_the_promise_was_kept(mina, now):
    ticket = make_ticket(mina, body="It is blank.\nAll of it.", now=now)
    services.reply(ticket=ticket, actor=StaffFactory(full_name="Ines"), body="Held.", now=now + 17 * MINUTE)
    mail = mail_of("reply")
    assert "Promised by 14:05, replied at 13:22: the promise is kept." in mail.body
    assert "> It is blank.\n> All of it." in mail.body
    assert mail.reply_to == [f"reply+{ticket.reply_token}@reply.premium.example"]


def test_that_it_is_solved_is_told_with_the_zone_and_the_name_as_text(mina, now):
    specialist = StaffFactory(full_name="<b>Anna</b> & Co")
    ticket = make_ticket(mina, now=now)
    services.reply(ticket=ticket, actor=specialist, body="Done.", now=now + MINUTE)
    services.set_status(ticket=ticket, actor=specialist, status="solved", now=now + 2 * MINUTE)
    mail = mail_of("solved")
    said = "<b>Anna</b> & Co marked your ticket as solved on Tuesday 24 November at 13:07 (Berlin)."
    assert mail.body.startswith(f"{said}\n\nTicket: {ticket.reference}, ")
    assert "&lt;b&gt;Anna&lt;/b&gt; &amp; Co marked" in html(mail)
    assert "<b>Anna" not in html(mail)


def test_the_reply_owns_up_to_a_missed_promise(mina, now):
    ticket = make_ticket(mina, now=now)
    services.reply(ticket=ticket, actor=StaffFactory(), body="Sorry.", now=now + 90 * MINUTE)
    assert "Promised by 14:05, replied at 14:35: we missed our promise" in mail_of("reply").body


def test_a_declined_claim_comes_with_its_reason_and_the_new_time(mina, now):
    ticket = make_ticket(mina, critical=True, now=now)
    judge = StaffFactory(full_name="Ines Halvorsen")
    services.judge_claim(ticket=ticket, actor=judge, confirmed=False, reason="One list.", now=now + 13 * MINUTE)
    mail = mail_of("judgement")
    assert mail.subject.startswith(f"[{ticket.reference}] Not business critical:")
    assert "Ines Halvorsen decided at 13:18" in mail.body
    assert "> One list." in mail.body
    assert "The first reply comes by 14:05\nGuaranteed within 1 hour of sending" in mail.body


def test_an_escalation_says_what_was_missed_and_who_owned_it(mina, now):
    manager = StaffFactory(staff_role="manager", time_zone="Europe/Berlin")
    ticket = make_ticket(mina, now=now)
    sweep(now=now + 61 * MINUTE)
    mail = render(OutboxMail.objects.get(template="escalation", recipient=manager))
    assert mail.subject.startswith(f"[{ticket.reference}] Promise missed, first reply was due 14:05: ")
    assert "Owner: None" in mail.body


def test_times_are_in_the_readers_zone_and_language(now):
    user = UserFactory(full_name="水野", language="ja", time_zone="Asia/Tokyo")
    make_ticket(DesignatedFactory(user=user), now=datetime(2026, 11, 24, 14, 50, tzinfo=UTC))
    assert "11月25日(水)" in mail_of("acknowledgement").body  # 23:50 in Tokyo; due after midnight
