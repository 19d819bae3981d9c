"""One person, several accounts, two windows: what was written for one account is never read by another (SPEC 2.1)."""

import re

import pytest

from helpdesk.accounts.invitations import Invitation
from helpdesk.accounts.models import Membership
from helpdesk.channels.callback.models import CallRequest
from helpdesk.subscriptions.models import Hub
from helpdesk.tickets.models import FormDraft, Ticket
from tests.factories import AccountFactory, DesignatedFactory, SubscriptionFactory

NEW = "/tickets/new/"


@pytest.fixture
def windows(kestrel, sign_in, frozen):
    """Mina's page of Kestrel is open; in another window she has changed to Works since. `read` gives a page's field."""
    works = AccountFactory(name="Works")
    SubscriptionFactory(account=works, hub=Hub.objects.get(code="content"))
    DesignatedFactory(account=works, user=kestrel.mina.user)
    client = sign_in(kestrel.mina)
    client.post("/account/switch/", {"account": kestrel.account.pk})

    def opened(address: str) -> dict[str, str]:
        page = client.get(address).text
        client.post("/account/switch/", {"account": works.pk})
        assert client.session["portal_account"] == works.pk
        return dict(re.findall(r'name="(acts_for|key|window)" value="([^"]+)"', page))

    return client, opened, works


def test_a_ticket_is_opened_for_the_account_that_its_form_was_for(kestrel, windows, filled):
    client, opened, _works = windows
    form = opened(NEW)
    answer = client.post(NEW, filled(subject="Kestrel's own", **form), follow=True)
    assert Ticket.objects.get().account == kestrel.account
    assert "Kestrel Freight Group" in answer.text  # and one goes on there


def test_a_draft_is_kept_for_the_account_that_its_form_was_for(kestrel, windows, filled):
    client, opened, works = windows
    form = opened(NEW)
    client.post(NEW + "draft/", filled(**form), HTTP_ACCEPT="application/json")
    assert FormDraft.objects.get().account == kestrel.account
    assert client.session["portal_account"] == works.pk  # saving by itself takes the other window nowhere


def test_a_call_is_asked_for_the_account_that_its_form_was_for(kestrel, windows):
    client, opened, _works = windows
    SubscriptionFactory._meta.model.objects.update(channels=["email", "phone", "chat"])
    form = opened("/callback/")
    sent = {"hub": "content", "topic": "Kestrel", "number": "+49 30 901820", "zone": "Europe/Berlin", "when": "now"}
    client.post("/callback/", {**sent, **form})
    assert CallRequest.objects.get().account == kestrel.account


def test_nobody_is_invited_into_the_other_account_nor_leaves_it(kestrel, windows):
    client, opened, works = windows
    form = opened("/account/people/invite/")
    client.post("/account/people/invite/", {"email": "ben@kestrel.example", "role": "user", "language": "en", **form})
    assert Invitation.objects.get().account == kestrel.account
    Membership.objects.filter(pk=kestrel.mina.pk).update(role=Membership.Role.USER, is_designated=False)
    form = opened("/account/")
    client.post("/account/leave/", form)
    assert list(Membership.objects.filter(user=kestrel.mina.user).values_list("account", flat=True)) == [works.pk]


def test_a_form_for_an_account_that_one_has_left_sends_nothing_anywhere(kestrel, windows, filled):
    client, opened, _works = windows
    form = opened(NEW)
    Membership.objects.filter(account=kestrel.account, user=kestrel.mina.user).delete()
    answer = client.post(NEW, filled(**form), follow=True)
    assert "account that this page was for any more" in answer.text
    saved = client.post(NEW + "draft/", filled(**form), HTTP_ACCEPT="application/json")
    assert saved.status_code == 409
    assert (Ticket.objects.count(), FormDraft.objects.count()) == (0, 0)
