"""What a hostile or unlucky person sends: nothing typed is lost, nothing goes to a stranger, no page breaks."""

from datetime import UTC, date, datetime

import pytest
from django.core import mail
from django.urls import reverse

from helpdesk.accounts.models import Account
from helpdesk.notifications.models import OutboxMail
from helpdesk.notifications.rendering import render
from helpdesk.notifications.services import deliver
from helpdesk.portal.promises import business_hours
from helpdesk.subscriptions.models import Subscription
from helpdesk.tickets.models import Ticket
from tests.factories import MembershipFactory, make_ticket

NEW = "/tickets/new/"
CRITICAL = {"critical": "on", "affected": "everyone", "process": "Orders", "workaround": "none"}


def test_another_reply_under_the_same_key_is_not_dropped(kestrel, sign_in, frozen):
    """Back in the browser, another text, Send: it must not say *sent* and throw the text away."""
    ticket, client = make_ticket(kestrel.mina), sign_in(kestrel.mina)
    url = reverse("portal:ticket", args=[ticket.pk])
    assert client.post(url, {"key": "A" * 22, "body": "First"}).status_code == 302
    assert client.post(url, {"key": "A" * 22, "body": "First"}).status_code == 302  # pressed twice: one message
    page = client.post(url, {"key": "A" * 22, "body": "Second"})
    assert page.status_code == 200
    assert "An earlier text was sent with this form already." in page.text
    assert "Second" in page.text
    again = {"key": page.context["form"]["key"].value(), "body": "Second"}
    assert client.post(url, again).status_code == 302
    assert list(ticket.messages.values_list("body", flat=True)[1:]) == ["First", "Second"]


@pytest.mark.parametrize("change", [{"body": "Another text."}, {"subject": "Another"}, {"hub": "marketing"}])
def test_another_ticket_under_the_same_key_is_not_dropped(change, kestrel, sign_in, filled, frozen):
    client = sign_in(kestrel.mina)
    client.post(NEW, filled())
    assert client.post(NEW, filled()).status_code == 302  # pressed twice: one ticket
    page = client.post(NEW, filled(**change))
    assert page.status_code == 200
    assert f"This was sent already: it is {Ticket.objects.get().reference}." in page.text
    assert client.post(NEW, filled(**change, key=page.context["form"]["key"].value())).status_code == 302
    assert Ticket.objects.count() == 2


def test_a_claim_ticked_after_the_first_send_is_not_dropped(kestrel, sign_in, filled, frozen):
    client = sign_in(kestrel.mina)
    client.post(NEW, filled())
    page = client.post(NEW, filled(**CRITICAL, since="2026-11-24T12:40"))
    assert "An earlier text was sent with this form already." in page.text
    assert Ticket.objects.get().claim == ""


def test_an_address_that_fits_no_mail_server_is_refused_and_not_cut(kestrel, sign_in, filled, frozen):
    """Cut to the column's length it would be somebody else's address."""
    address = "a@" + ".".join(["x" * 60] * 4) + ".example.com"
    page = sign_in(kestrel.mina).post(NEW, filled(cc=address))
    assert page.status_code == 200
    assert "complete e-mail address" in page.context["form"].errors["cc"][0]
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("now", "since", "meant"),
    [
        # The hour that comes twice, the night summer time ends: the first one is meant.
        (datetime(2026, 10, 25, 1, 40, tzinfo=UTC), "2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        # The hour that is skipped when it begins.
        (datetime(2026, 3, 29, 3, 0, tzinfo=UTC), "2026-03-29T02:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_claim_in_the_night_the_clocks_change_is_taken(now, since, meant, kestrel, sign_in, filled, time_machine_at):
    """Whoever claims business-critical in that hour can only give that time."""
    with time_machine_at(now):
        page = sign_in(kestrel.mina).post(NEW, filled(**CRITICAL, since=since))
    assert page.status_code == 302
    assert datetime.fromisoformat(Ticket.objects.get().claim_facts["since"]) == meant


def test_a_calendar_of_special_days_only_has_words(kestrel):
    """It has no weekly hours to name; the pages that show it must stand."""
    assert business_hours({"timezone": "Europe/Berlin", "special_days": {}}) == "Berlin time"


def test_what_is_covered_follows_the_accounts_own_day(kestrel, sign_in, frozen):
    """The reader is a day ahead of the account: its last day there is still a day of the subscription."""
    Account.objects.filter(pk=kestrel.account.pk).update(time_zone="America/Los_Angeles")
    Subscription.objects.update(ends_on=date(2026, 11, 24))
    kestrel.mina.user.time_zone = "Pacific/Kiritimati"  # 02:05 on the 25th
    kestrel.mina.user.save()
    page = sign_in(kestrel.mina).get("/account/")
    assert page.context["packages"] != []


@pytest.mark.django_db
def test_a_mail_server_that_is_down_breaks_no_password_reset(client, settings):
    """The mail waits in the outbox, as every mail, and the link in it works."""
    person = MembershipFactory().user
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = (
        "django.core.mail.backends.smtp.EmailBackend",
        "",
        1,
    )
    page = client.post(reverse("account_reset_password"), {"email": person.email})
    assert page.status_code == 302
    waiting = OutboxMail.objects.get()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliver(now=waiting.created_at)["sent"] == 1
    assert mail.outbox[0].subject.startswith(f"[{settings.SITE_NAME}] ")
    assert "asked for a new password" in mail.outbox[0].body
    link = next(word for word in mail.outbox[0].body.split() if word.startswith("http"))
    assert link in mail.outbox[0].alternatives[0][0]
    assert client.get(link, follow=True).status_code == 200
    assert "O'Brien & <b>" in render(OutboxMail(**_plain("O'Brien & <b>"))).body


def _plain(text: str) -> dict:
    words = {"template": "plain", "context": {"subject": "S", "body": text}}
    return words | {"to": ["a@b.example"], "language": "en", "time_zone": "UTC", "message_id": "<a@b>"}


@pytest.mark.django_db
def test_nobody_can_have_us_write_to_a_stranger(client):
    """Nor does the answer tell whether there is such a person."""
    person = MembershipFactory().user
    answers = [
        client.post(reverse("account_reset_password"), {"email": email})
        for email in ("stranger@elsewhere.example", person.email)
    ]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert [row.to for row in OutboxMail.objects.all()] == [[person.email]]


@pytest.mark.parametrize("address", ["/", "/tickets/", "/tickets/new/", "/account/"])
def test_no_proxy_keeps_a_customers_page(address, kestrel, sign_in):
    """A cache between us and two people of one office must not show one the other's tickets."""
    kept = sign_in(kestrel.mina).get(address).headers["Cache-Control"]
    assert {part.strip() for part in kept.split(",")} == {"private", "no-cache"}
