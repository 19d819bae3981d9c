"""A real SMTP server that a test starts, stops, and lets refuse people. Its fixtures: see the packages' conftest.py."""

import socket
from collections import Counter
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller


class Inbox:
    """What a real mail server was given; refuses the addresses in `refused`."""

    def __init__(self):
        self.received = []
        self.mails = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        if address in self.refused:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)
        self.received.append((mail["Message-ID"], tuple(envelope.rcpt_tos), mail["Subject"]))
        return "250 taken"

    @property
    def message_ids(self) -> Counter:
        return Counter(message_id for message_id, _to, _subject in self.received)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def smtp(settings, port):
    """The outbox talks SMTP to a port at which nobody listens yet; `start` opens it."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 5
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    inbox = Inbox()
    controllers = []

    def start() -> Inbox:
        controllers.append(Controller(inbox, hostname="127.0.0.1", port=port))
        controllers[-1].start()
        return inbox

    yield start
    for controller in controllers:
        controller.stop()
