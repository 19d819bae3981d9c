"""No page of the portal weighs more than 150 KB with everything it loads, so that a phone has it at once (SPEC 2.9)."""

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

from helpdesk.tickets import services
from tests.factories import StaffFactory, make_ticket

pytestmark = pytest.mark.django_db
MOST = 150_000
LOADED = re.compile(r'(?:<link rel="(?:stylesheet|icon)" href|<script[^>]* src)="/static/([^"?]+)"')
PAGES = ("/", "/ask/", "/articles/", "/tickets/", "/tickets/new/", "/account/", "/account/figures/")


def weight(html: str) -> int:
    """The page as it is sent, and style sheets and scripts as they are served: compressed ahead."""
    files = {finders.find(name) for name in LOADED.findall(html)}
    assert None not in files
    assert len(files) >= 4
    return len(html.encode()) + sum(len(gzip.compress(Path(name).read_bytes())) for name in files)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_with_all_that_it_loads(kestrel, sign_in, frozen, path):
    for _n in range(30):
        make_ticket(kestrel.mina, now=frozen)
    page = sign_in(kestrel.mina).get(path)
    assert page.status_code == 200
    assert weight(page.text) < MOST


@pytest.mark.parametrize("part", ["", "critical/", "rate/", "promise/"])
def test_a_ticket_with_a_long_conversation(kestrel, sign_in, frozen, part):
    ticket = make_ticket(kestrel.mina, now=frozen)
    for _n in range(15):
        services.reply(ticket=ticket, actor=StaffFactory(), body="An answer of some length. " * 12, now=frozen)
        services.customer_reply(ticket=ticket, actor=kestrel.mina.user, body="A question about it. " * 8, now=frozen)
    page = sign_in(kestrel.mina).get(f"/tickets/{ticket.pk}/{part}")
    assert page.status_code == 200
    assert weight(page.text) < MOST
