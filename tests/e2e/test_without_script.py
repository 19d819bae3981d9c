"""The customer's whole way without JavaScript, in both languages: nothing of it may hang on a script (SPEC 2.9)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.utils import translation
from playwright.sync_api import Page, expect

from helpdesk.accounts import people
from helpdesk.accounts.models import Membership, User
from helpdesk.channels.callback.models import CallRequest
from helpdesk.escalation.models import ManagerRequest
from helpdesk.knowledge import services as knowledge
from helpdesk.knowledge.models import Article, Consultation, Section, Vote
from helpdesk.notifications.services import deliver
from helpdesk.tickets.models import Attachment, Claim, Rating, Status, Ticket
from helpdesk.tickets.services import reply
from tests.factories import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])
LOOK = {"java_script_enabled": False, "viewport": {"width": 390, "height": 844}}
LOCALES = {"en": "en-GB", "ja": "ja-JP"}
LOG = {"name": "checkout.log", "mimeType": "text/plain", "buffer": b"It broke."}
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - of nobody


@pytest.fixture
def article(world):
    """An article in both languages."""
    made = Article.objects.create(slug="forms", section=Section.objects.create(slug="s", name="Problems"))
    texts = {
        "en": ("Forms stay blank", "Renew the certificate."),
        "ja": ("フォームが空白になる", "証明書を更新します。"),
    }
    now = datetime.now(UTC)
    for language, (title, body) in texts.items():
        draft = knowledge.save_draft(
            article=made,
            language=language,
            title=title,
            summary=body,
            body=body,
            actor=world.olu,
            now=now,
            seen_at=None,
        )
        knowledge.publish(revision=draft, actor=world.olu, now=now)
    return made


@pytest.fixture
def say():
    """A text as the reader's language has it."""

    def said(text: str, into: str, /, **values: object) -> str:
        with translation.override(into):
            return translation.gettext(text) % values if values else translation.gettext(text)

    return said


class Reader:
    """Presses and reads by the words of one language."""

    def __init__(self, page: Page, language: str, say) -> None:
        self.page, self.language, self.say = page, language, lambda text, **values: say(text, language, **values)

    def press(self, text: str, *, within: str = "body", role: str = "button") -> None:
        self.page.locator(within).get_by_role(role, name=self.say(text), exact=True).first.click()

    def follow(self, text: str, *, within: str = "main") -> None:
        self.press(text, within=within, role="link")

    def sees(self, text: str, *, within: str = "body", **values: object) -> None:
        expect(self.page.locator(within).first).to_contain_text(self.say(text, **values))


@pytest.fixture(autouse=True)
def refusals_are_no_complaints(new_context):
    """A browser tells its console of every form that comes back."""
    new_context.tolerated = ["422"]


@LANGUAGES
def test_from_the_question_to_the_rating(world, article, new_context, say, language):
    reader = Reader(new_context(world.mina, language=language, locale=LOCALES[language], **LOOK), language, say)
    page = reader.page
    question = {"en": "forms blank", "ja": "フォーム 空白"}[language]
    page.fill("#id_q", question)
    page.press("#id_q", "Enter")
    reader.sees("This may help")
    page.get_by_role("link", name={"en": "Forms stay blank", "ja": "フォームが空白になる"}[language]).click()
    reader.press("No")
    reader.sees("Thank you. We will look at this article again.", within=".notice")
    assert Vote.objects.get().helpful is False
    reader.press("Yes")
    assert Vote.objects.get().helpful is True
    reader.follow("No, contact us")
    reader.sees("Contact us", within="#contact")
    page.locator("#contact").get_by_role("link", name=say("Write to a specialist", language)).last.click()

    ticket = _send(reader, question)
    assert Consultation.objects.get().ticket == ticket
    assert Consultation.objects.get().read == [article.pk]
    _act_on(reader, ticket)
    reply(ticket=ticket, actor=world.anna, body="The certificate is renewed.", now=datetime.now(UTC))
    page.reload()
    expect(page.locator("#thread")).to_contain_text("The certificate is renewed.")
    reader.press("Close the ticket")
    ticket.refresh_from_db()
    assert ticket.status == Status.CLOSED
    page.locator("#id_score label").last.click()
    page.fill("#id_comment", "Quick.")
    reader.press("Send the rating")
    expect(page.locator("#rating")).to_contain_text("Quick.")
    assert (Rating.objects.get().ticket, Rating.objects.get().comment) == (ticket, "Quick.")


def _send(reader: Reader, question: str) -> Ticket:
    """The form with a file; what is typed in Japanese is asked about once, and nothing of it is lost."""
    page = reader.page
    expect(page.locator("#id_subject")).to_have_value(question)
    page.select_option("#id_hub", "content")
    page.set_input_files("#id_files", [LOG])
    reader.press("Send")
    reader.sees("Describe what happens, so that a specialist can begin.")
    expect(page.locator(".files [data-file]")).to_contain_text("checkout.log")
    page.fill("#id_body", f"{question}: every form is blank.")
    reader.press("Send")
    if reader.language == "ja":
        reader.sees("Not sent yet: this seems to be in %(language)s", language="日本語")
        reader.press("Send")
    reader.sees("Conversation")
    ticket = Ticket.objects.get()
    expect(page.locator(".notice.is-ok")).to_contain_text(f"PS-{ticket.pk}")
    expect(page.locator("#thread")).to_contain_text("checkout.log")
    assert Attachment.objects.get().message.ticket == ticket
    return ticket


def _act_on(reader: Reader, ticket: Ticket) -> None:
    page = reader.page
    page.fill("#reply #id_body", "The booking form, too.")
    reader.press("Send the reply")
    expect(page.locator("#thread")).to_contain_text("The booking form, too.")

    reader.follow("Ask for business critical")
    reader.press("Ask now")
    reader.sees("Choose who is affected.")
    reader.page.get_by_label(reader.say("Everyone, or our customers")).check()
    page.fill("#id_since", (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"))
    page.fill("#id_process", "Online orders")
    page.get_by_label(reader.say("No"), exact=True).check()
    reader.press("Ask now")
    ticket.refresh_from_db()
    assert ticket.claim == Claim.CLAIMED
    expect(page.locator("h1")).to_have_text(ticket.subject)

    page.locator("#escalate summary").click()
    reader.press("Escalate", within="#escalate")
    reader.sees("Say why: the manager reads it.", within="#escalate")
    page.fill("#id_escalate-reason", "Orders stand still.")
    reader.press("Escalate", within="#escalate")
    reader.sees("A manager was asked for")
    assert ManagerRequest.objects.get().reason == "Orders stand still."


@LANGUAGES
def test_a_call_is_asked_for_changed_and_cancelled(world, new_context, say, language):
    reader = Reader(new_context(world.mina, language=language, locale=LOCALES[language], **LOOK), language, say)
    page = reader.page
    page.goto("/callback/?q=Deals")
    page.get_by_label(say("In a window", language)).check()
    page.locator("#id_window").select_option(index=1)
    reader.press("Ask for the call")
    reader.sees("Give the number that we call.")
    page.locator("#id_number").fill("+49 151 2345 6789")
    reader.press("Ask for the call")
    call = CallRequest.objects.get()
    expect(page.locator("h1")).to_have_text("Deals")
    assert (call.number, call.begins_at is not None) == ("+4915123456789", True)


@LANGUAGES
def test_into_the_portal_by_each_way(world, new_context, inbox, live_server, settings, say, language):
    """By an invitation, with a password that was forgotten, with a second factor."""
    settings.SITE_URL, now = live_server.url, datetime.now(UTC)
    people.invite(
        account=world.account,
        actor=world.mina,
        email="new@kestrel.example",
        role=Membership.Role.USER,
        is_designated=False,
        language=language,
        now=now,
    )
    reader = Reader(new_context(None, language=language, locale=LOCALES[language], **LOOK), language, say)
    page = reader.page
    page.goto(_link(inbox, "new@kestrel.example"))
    page.fill("#id_full_name", "Noa Lind")
    page.fill("#id_password", "short")
    reader.press("Join")
    expect(page.locator("#id_password_error, .err").first).to_be_visible()
    expect(page.locator("#id_full_name")).to_have_value("Noa Lind")
    page.fill("#id_password", PASSWORD)
    reader.press("Join")
    expect(page.locator("h1")).to_contain_text("Noa")
    noa = User.objects.get(email="new@kestrel.example")
    assert noa.language == language
    page.locator("header summary").click()
    reader.press("Sign out")

    TOTP.activate(noa, SECRET)
    page.goto("/accounts/login/")
    page.locator("main a[href*='password/reset']").click()
    page.fill("#id_email", noa.email)
    reader.press("Send the link")
    page.goto(_link(inbox, noa.email))
    for name in ("password1", "password2"):
        page.fill(f"#id_{name}", "another horse battery")
    page.locator("main form button").first.click()
    page.goto("/accounts/login/")
    page.fill("#id_login", noa.email)
    page.fill("#id_password", "another horse battery")
    reader.press("Sign in")
    page.fill("#id_code", "000000")
    reader.press("Confirm")
    expect(page.locator(".err").first).to_be_visible()
    page.fill("#id_code", format_hotp_value(hotp_value(SECRET, next(yield_hotp_counters_from_time()))))
    reader.press("Confirm")
    expect(page.locator("h1")).to_contain_text("Noa")


def _link(inbox, address: str) -> str:
    """The link of the newest mail to somebody."""
    deliver(now=datetime.now(UTC) + timedelta(seconds=1))
    parts = inbox.to(address)[-1].walk()
    text = next(part for part in parts if part.get_content_type() == "text/plain").get_payload(decode=True).decode()
    return re.search(r"https?://\S+/(?:invitations|accounts)/\S+", text).group()
