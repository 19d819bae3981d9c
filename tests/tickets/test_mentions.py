"""Colleagues named in a note hear of it, and follow the ticket from then on."""

import pytest

from helpdesk.notifications.models import Notice, OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.tickets import services
from helpdesk.tickets.mentions import marks
from helpdesk.tickets.models import Watch
from tests.factories import StaffFactory, UserFactory, make_ticket
from tests.tickets.scenes import OPENED, at


@pytest.mark.parametrize(
    ("text", "names", "found"),
    [
        ("@Ann Lee, look", ["Ann Lee"], ["Ann Lee"]),
        ("@ann lee, look", ["Ann Lee"], ["Ann Lee"]),
        ("@Ann Leeson", ["Ann Lee", "Ann Leeson"], ["Ann Leeson"]),
        ("@Ann Leesons", ["Ann Lee", "Ann Leeson"], []),
        ("ann@Ann Lee", ["Ann Lee"], []),
        ("(@Ann Lee)", ["Ann Lee"], ["Ann Lee"]),
        ("@佐藤優希さん、確認を", ["佐藤優希"], ["佐藤優希"]),
        ("@Nobody", ["Ann Lee"], []),
        ("@.* (x", [".* (x"], [".* (x"]),
        ("@", ["Ann Lee"], []),
        ("@Ann Lee", [], []),
    ],
)
def test_what_names_a_colleague(text, names, found):
    assert [name for _begin, _end, name in marks(text, names)] == found


@pytest.fixture
def note(db):
    def write(body, *, author=None, minutes=5.0):
        author = author or StaffFactory(full_name="Anna Meier")
        ticket = make_ticket(now=OPENED)
        return services.add_note(ticket=ticket, actor=author, body=body, now=at(minutes))

    return write


def test_a_mentioned_colleague_is_told_and_watches(note):
    olu, aiko = StaffFactory(full_name="Olu Adeyemi"), StaffFactory(full_name="Aiko Kuroda", mail_about=["mentioned"])
    StaffFactory(full_name="Helen Marsh", mail_about=["mentioned"])
    written = note("@Olu Adeyemi and @Aiko Kuroda: the same as last week? @Olu Adeyemi")
    assert sorted(written.mentioned) == sorted([olu.pk, aiko.pk])
    assert set(Notice.objects.filter(kind="mentioned").values_list("recipient", flat=True)) == {olu.pk, aiko.pk}
    assert {(watch.user, watch.since) for watch in Watch.objects.all()} == {(olu, at(5)), (aiko, at(5))}
    mail = OutboxMail.objects.get(template="mentioned")
    assert mail.to == [aiko.email]
    rendered = render(mail)
    assert rendered.subject == f"[{written.ticket.reference}] Anna Meier mentions you: Forms show a blank page"
    assert "the same as last week?" in rendered.body


def test_who_watches_already_stays_so(note):
    olu = StaffFactory(full_name="Olu Adeyemi")
    ticket = note("@Olu Adeyemi", minutes=5).ticket
    services.add_note(ticket=ticket, actor=StaffFactory(), body="@Olu Adeyemi again", now=at(9))
    assert Watch.objects.get(user=olu).since == at(5)
    assert Notice.objects.filter(recipient=olu).count() == 2


def test_nobody_is_told_who_is_no_colleague_or_wrote_it(note):
    author = StaffFactory(full_name="Anna Meier")
    UserFactory(full_name="Mina Okafor")
    StaffFactory(full_name="Gone Away", is_active=False)
    written = note("@Anna Meier @Mina Okafor @Gone Away", author=author)
    assert written.mentioned == []
    assert not Notice.objects.filter(kind="mentioned").exists()
    assert not Watch.objects.exists()


def test_a_reply_to_the_customer_mentions_nobody(db):
    StaffFactory(full_name="Olu Adeyemi")
    ticket = make_ticket(now=OPENED)
    services.reply(ticket=ticket, actor=StaffFactory(), body="@Olu Adeyemi will call you.", now=at(5))
    assert not Notice.objects.filter(kind="mentioned").exists()
