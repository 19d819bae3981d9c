"""The call list, and the work on one call (SPEC 2.7)."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from helpdesk.channels.callback import calling, services
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.core.channels import Channel
from helpdesk.subscriptions.entitlement import entitlements
from tests.factories import DesignatedFactory, StaffFactory, SubscriptionFactory, UserFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/calls/"
Outcome = CallAttempt.Outcome


@pytest.fixture
def frozen(now):
    with time_machine.travel(now, tick=False):
        yield now


@pytest.fixture
def asked(now, frozen):
    """A call of somebody of a company of their own."""

    def make(name="Mina Okafor", *, minutes=0, **changes):
        zone = changes.pop("zone", "Asia/Tokyo")
        membership = DesignatedFactory(user=UserFactory(full_name=name))
        SubscriptionFactory(account=membership.account)
        entitlement = entitlements(account=membership.account, now=now)[0]
        assert entitlement.includes(Channel.PHONE)
        new = services.NewCall(
            membership=membership,
            entitlement=entitlement,
            key="A" * 22,
            subject=f"{name} asks",
            body="Since 13:40 every form is blank.",
            number="+4915123456789",
            time_zone=zone,
            **changes,
        )
        return services.ask(new=new, now=now - timedelta(minutes=minutes)).call

    return make


@pytest.fixture
def anna():
    return StaffFactory(full_name="Anna Meier")


@pytest.fixture
def page_of(client):
    def get(person, path=LIST):
        client.force_login(person)
        return client.get(path).content.decode()

    return get


def test_who_is_next_stands_first_with_all_that_one_needs(asked, anna, page_of, now):
    begin = now.replace(hour=15, minute=0)
    asked("Later Larsen", window=(begin, begin + timedelta(hours=1)))
    asked("Second Sato", minutes=1)
    asked("First Ferreira", minutes=3)
    page = page_of(anna)
    places = [page.index(name) for name in ("First Ferreira", "Second Sato", "Later Larsen")]
    assert places == sorted(places)
    assert page.index('id="h-later"') < places[2]
    assert page.count('href="tel:+4915123456789"') == 3
    assert "+49 1512 3456789" in page
    assert "21:05 in Tokyo" in page
    assert "15:00 to 16:00" in page
    assert page.count("data-clock") == 3


def test_the_navigation_says_how_many_wait_now_and_so_does_home(asked, anna, page_of, now):
    begin = now.replace(hour=15, minute=0)
    asked("Later Larsen", window=(begin, begin + timedelta(hours=1)))
    first = asked("First Ferreira")
    asked("Second Sato")
    assert 'title="2 wait">2</b>' in page_of(anna, "/admin/")
    calling.dial(call=first, actor=anna, now=now)
    page = page_of(anna, "/admin/")
    assert 'title="1 waits">1</b>' in page
    assert '<a href="/admin/calls/">' in page.replace("\n", "")


def test_from_the_list_to_the_ticket_take_dial_and_write_down(asked, anna, client, now):
    call = asked()
    client.force_login(anna)
    assert client.post(f"{LIST}{call.pk}/take/").url == f"{LIST}{call.pk}/"
    page = client.get(f"{LIST}{call.pk}/").content.decode()
    assert "Since 13:40 every form is blank." in page
    client.post(f"{LIST}{call.pk}/dial/")
    page = client.get(f"{LIST}{call.pk}/").content.decode()
    assert "Anna Meier calls since" in page
    answer = client.post(f"{LIST}{call.pk}/finish/", {"outcome": "connected", "note": "Turned it on again."})
    call.refresh_from_db()
    assert (answer.url, call.state, call.clock.is_met) == (f"{LIST}{call.pk}/", "connected", True)
    ticket = client.get(reverse("admin:helpdesk_ticket_change", args=[call.ticket_id])).content.decode()
    assert "Called, and spoke with the customer: Turned it on again." in ticket
    assert "Call asked for, as soon as possible" in ticket


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"note": "I typed this"}, "Choose what came of it."),
        ({"outcome": "married", "note": "I typed this"}, "Choose what came of it."),
        ({"outcome": "failed", "note": "I typed this"}, "Choose what came of it."),
        ({"outcome": "no_answer", "note": "I typed this" + "x" * 4000}, "At most 4000 characters fit"),
        ({"outcome": "connected", "note": ""}, "Write down what was said"),
    ],
)
def test_an_outcome_that_is_refused_keeps_what_was_typed(asked, anna, client, now, said, message):
    call = asked()
    calling.dial(call=call, actor=anna, now=now)
    client.force_login(anna)
    answer = client.post(f"{LIST}{call.pk}/finish/", said)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert message in page
    assert said["note"] in page
    assert CallAttempt.objects.get().outcome == ""


def test_an_outcome_that_comes_too_late_keeps_what_was_typed(asked, anna, client, now):
    call = asked()
    attempt = calling.dial(call=call, actor=anna, now=now)
    calling.finish(attempt=attempt, actor=anna, outcome=Outcome.BUSY, note="", now=now)
    client.force_login(anna)
    answer = client.post(f"{LIST}{call.pk}/finish/", {"outcome": "connected", "note": "Half an hour's talk."})
    assert answer.status_code == 422
    assert "has been written down already" in answer.text
    assert "Half an hour&#x27;s talk." in answer.text


def test_an_outcome_that_somebody_else_writes_down_at_this_moment_keeps_what_was_typed(
    asked, anna, client, now, monkeypatch
):
    call = asked()
    calling.dial(call=call, actor=anna, now=now)
    finish = calling.finish

    def second(**values):
        finish(**values | {"outcome": Outcome.BUSY, "note": ""})
        return finish(**values)

    monkeypatch.setattr(calling, "finish", second)
    client.force_login(anna)
    answer = client.post(f"{LIST}{call.pk}/finish/", {"outcome": "connected", "note": "Half an hour's talk."})
    assert answer.status_code == 422
    assert "has been written down already" in answer.text
    assert "Half an hour&#x27;s talk." in answer.text
    assert "Attempt 2 of 3 is at" in answer.text  # as the call stands now


def test_a_refused_form_asks_the_calls_own_page_and_leads_back_to_the_ticket(asked, anna, client, now, settings):
    settings.TELEPHONY = "twilio"
    call = asked()
    calling.dial(call=call, actor=anna, now=now)
    client.force_login(anna)
    page = client.post(f"{LIST}{call.pk}/finish/", {"note": "x", "back": "ticket"}).text
    assert f'data-calls="5" data-place="{LIST}{call.pk}/"' in page
    assert '<input type="hidden" name="back" value="ticket">' in page
    assert 'name="back"' not in client.post(f"{LIST}{call.pk}/finish/", {"note": "x", "back": "//evil"}).text


def test_before_its_time_it_takes_a_second_thought(asked, anna, client, now):
    call = asked()
    attempt = calling.dial(call=call, actor=anna, now=now)
    calling.finish(attempt=attempt, actor=anna, outcome="busy", note="", now=now)
    client.force_login(anna)
    page = client.get(f"{LIST}{call.pk}/").content.decode()
    assert "Attempt 2 of 3 is at 12:20:00." in page
    assert "Call before its time" in page
    client.post(f"{LIST}{call.pk}/dial/")
    assert CallAttempt.objects.count() == 1
    client.post(f"{LIST}{call.pk}/dial/", {"early": "1"})
    assert CallAttempt.objects.count() == 2


def test_who_comes_second_is_told_who_has_it(asked, anna, client, now):
    call = asked()
    calling.take(call=call, actor=anna, now=now)
    olu = StaffFactory(full_name="Olu Adeyemi")
    client.force_login(olu)
    for act in ("take", "dial"):
        page = client.post(f"{LIST}{call.pk}/{act}/", follow=True).content.decode()
        assert "Anna Meier has taken this call." in page
    assert "isn’t yours" in client.post(f"{LIST}{call.pk}/give-back/", follow=True).content.decode().replace(
        "&#x27;", "’"
    )
    call.refresh_from_db()
    assert call.taken_by == anna


def test_from_the_tickets_page_one_can_do_the_same(asked, anna, client, now):
    call = asked()
    client.force_login(anna)
    ticket = reverse("admin:helpdesk_ticket_change", args=[call.ticket_id])
    assert 'href="tel:+4915123456789"' in client.get(ticket).content.decode()
    assert client.post(f"{LIST}{call.pk}/dial/", {"back": "ticket"}).url == ticket
    answer = client.post(f"{LIST}{call.pk}/finish/", {"outcome": "no_answer", "note": "", "back": "ticket"})
    assert answer.url == ticket
    page = client.get(ticket).content.decode()
    assert "Called, without success (No answer)" in page
    assert "Attempt 2 of 3 is at" in page


def test_no_act_is_done_by_looking(asked, anna, client):
    call = asked()
    client.force_login(anna)
    for act in ("take", "give-back", "dial", "finish"):
        assert client.get(f"{LIST}{call.pk}/{act}/").status_code == 405
    for pk in (call.pk + 1, 2**70):
        assert client.post(f"{LIST}{pk}/take/").status_code == 404


def test_customers_find_nothing_here(asked, client):
    call = asked()
    client.force_login(call.requester)
    for path in (LIST, f"{LIST}{call.pk}/"):
        assert client.get(path).status_code == 404
    assert client.post(f"{LIST}{call.pk}/take/").status_code == 404


def test_the_list_costs_the_same_with_one_call_and_with_thirty(asked, anna, client, now):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        return len(queries)

    def tried(name, outcome):
        attempt = calling.dial(call=asked(name), actor=anna, now=now)
        calling.finish(attempt=attempt, actor=anna, outcome=outcome, note="x", now=now)

    client.force_login(anna)
    tried("Waits", "busy")
    tried("Had one", "connected")
    client.get(LIST)
    one = cost()
    for number in range(29):
        tried(f"Waits {number}", "busy")
        tried(f"Had one {number}", "connected")
    assert CallRequest.objects.to_make().count() == 30
    assert cost() == one


def test_how_the_call_goes_is_said_without_reloading(asked, anna, client, now, settings):
    settings.TELEPHONY = "twilio"
    call = asked()
    attempt = calling.dial(call=call, actor=anna, now=now)
    client.force_login(anna)
    assert "being dialled" in client.get(f"{LIST}{call.pk}/?part=1").content.decode()
    CallAttempt.objects.update(dial="placed", progress="ringing")
    assert "ringing" in client.get(f"{LIST}{call.pk}/?part=1").content.decode()
    calling.finish(attempt=attempt, actor=anna, outcome="busy", note="", now=now)
    assert "This attempt has ended: Busy." in client.get(f"{LIST}{call.pk}/?part=1").content.decode()


def test_a_number_that_was_erased_is_no_link_that_dials_nothing(asked, anna, page_of):
    call = asked()
    CallRequest.objects.filter(pk=call.pk).update(number="")
    for path in (LIST, f"{LIST}{call.pk}/"):
        page = page_of(anna, path)
        assert "Number erased" in page
        assert "tel:" not in page
