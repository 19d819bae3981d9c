"""The callback assistant as its customer sees it (SPEC 2.7)."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from helpdesk.channels.callback import calling
from helpdesk.channels.callback.models import CallAttempt, CallRequest
from helpdesk.subscriptions.models import Subscription
from helpdesk.tickets.models import Ticket
from helpdesk.tickets.services import mark_spam
from tests.factories import DesignatedFactory, StaffFactory, SubscriptionFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
FORM = "/callback/"


@pytest.fixture
def mina(kestrel, sign_in):
    return sign_in(kestrel.mina)


@pytest.fixture
def said():
    """A form that can be sent as it is."""

    def data(**changes):
        values = {"key": "A" * 22, "hub": "content", "topic": "Deals don't move", "details": ""}
        values |= {"number": "+49 151 2345 6789", "zone": "Europe/Berlin", "shown_zone": "Europe/Berlin"}
        return values | {"when": "now", "window": ""} | changes

    return data


@pytest.fixture
def call(mina, said):
    mina.post(FORM, said())
    return CallRequest.objects.get()


def at(now, minutes):
    return now + timedelta(minutes=minutes)


def test_before_sending_it_says_what_is_promised(mina):
    page = mina.get(FORM, {"q": "Deals don't move", "hub": "marketing"}).content.decode()
    assert "We call you by" in page
    assert ">13:10</time>" in page  # five minutes on, in Berlin
    assert "Within 5 minutes, not guaranteed" in page
    assert "The call is in English." in page
    assert "+49 30 5557 0142" in page
    assert 'value="Deals don&#x27;t move"' in page
    assert '<option value="marketing" selected>' in page


def test_a_window_says_from_when_and_by_when(mina, now):
    begin = now.replace(hour=15, minute=0)
    answer = mina.get("/callback/promise/", {"hub": "content", "zone": "Asia/Tokyo", "when": "window"})
    page = answer.content.decode()
    assert "Tokyo time" in page
    asked = {"hub": "content", "zone": "Asia/Tokyo", "when": "window", "part": "windows"}
    assert "22:00 – 23:00" in mina.get("/callback/promise/", asked).content.decode()  # 13:00 in London
    for nonsense in ("2026-13-45T25:00", "\x00", "x" * 5000):
        odd = {"when": nonsense, "window": nonsense, "zone": nonsense, "hub": nonsense}
        assert mina.get("/callback/promise/", odd).status_code == 200
    page = mina.get("/callback/promise/", {"when": "window", "window": begin.isoformat()}).content.decode()
    assert ("We call you from" in page, ">16:00</time>" in page, "At the latest by 16:05, an aim" in page) == (
        True,
    ) * 3


def test_sent_it_leads_to_its_page_and_sent_again_to_the_same(mina, said):
    for _ in range(3):
        answer = mina.post(FORM, said())
        call = CallRequest.objects.get()
        assert answer.url == f"/callback/{call.pk}/"
    assert (call.number, call.time_zone, call.begins_at) == ("+4915123456789", "Europe/Berlin", None)
    assert Ticket.objects.get().clocks.get().metric == "callback"


def test_who_waits_for_a_call_is_shown_it_instead_of_the_form(mina, said, call):
    assert mina.get(FORM).url == f"/callback/{call.pk}/"
    assert mina.post(FORM, said(key="B" * 22)).url == f"/callback/{call.pk}/"
    assert CallRequest.objects.count() == 1


def test_a_window_is_kept_as_it_was_chosen(mina, said, now):
    begin = now.replace(hour=15, minute=0)
    mina.post(FORM, said(when="window", window=begin.isoformat()))
    call = CallRequest.objects.get()
    assert (call.begins_at, call.ends_at, call.clock.due_at) == (
        begin,
        begin + timedelta(hours=1),
        begin + timedelta(minutes=5),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": "030 123"}, "Begin with the country code"),
        ({"number": ""}, "Give the number that we call."),
        ({"topic": " "}, "Say in a few words what it is about."),
        ({"hub": "sales"}, "Choose one of the hubs in the list"),
        ({"zone": "Mars/Olympus"}, "Choose one of the time zones in the list."),
        ({"when": "window"}, "Choose one of the windows."),
        ({"when": "window", "window": "2026-11-24T15:30:00+00:00"}, "This window can&#x27;t be had any more."),
        ({"when": "window", "window": "<script>"}, "This window can&#x27;t be had any more."),
        ({"when": "later"}, "Select a valid choice."),
        ({"when": ""}, "Choose when we may call."),
        ({"key": "x"}, "This form had run out."),
    ],
)
def test_what_is_wrong_is_said_and_everything_typed_is_kept(mina, said, changes, message):
    answer = mina.post(FORM, said(details="With a screenshot", **changes))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert message in page
    assert "With a screenshot" in page
    assert "Error:" in page
    assert CallRequest.objects.count() == 0


def test_another_time_zone_shows_its_windows_before_anything_is_sent(mina, said, now):
    begin = now.replace(hour=15, minute=0).isoformat()
    answer = mina.post(FORM, said(when="window", window=begin, zone="Asia/Tokyo"))
    page = answer.content.decode()
    assert "The windows are now shown in Tokyo time." in page
    assert "00:00 – 01:00" in page  # 15:00 in London
    assert CallRequest.objects.count() == 0
    answer = mina.post(FORM, said(when="window", window=begin, zone="Asia/Tokyo", shown_zone="Asia/Tokyo"))
    assert CallRequest.objects.get().time_zone == "Asia/Tokyo"


def test_out_of_hours_only_windows_can_be_had(mina, said, time_machine_at, now):
    with time_machine_at(now.replace(hour=20)):
        page = mina.get(FORM).content.decode()
        assert "Nobody calls at this hour" in page
        assert "We call you on Wednesday 25 November, from" in page
        assert "Nobody can call at this hour. Choose a window." in mina.post(FORM, said()).content.decode()


def test_the_last_number_is_remembered(mina, call):
    mina.post(f"/callback/{call.pk}/cancel/")
    assert 'value="+49 1512 3456789"' in mina.get(FORM).content.decode()


def test_where_the_package_has_no_calls_there_is_a_way_on_and_no_form(kestrel, sign_in, said):
    Subscription.objects.update(channels=["email"])
    client = sign_in(kestrel.mina)
    page = client.get(FORM).content.decode()
    assert "Calls are not part of your package" in page
    assert "/tickets/new/" in page
    assert client.post(FORM, said()).status_code == 403
    assert "/callback/" not in client.get("/ask/?q=deals").content.decode()


def test_the_question_comes_along_from_the_channels(mina):
    page = mina.get("/ask/", {"q": "Deals & stages"}).content.decode()
    assert "by=call&amp;q=Deals%20%26%20stages" in page
    answer = mina.get("/ask/contact/", {"by": "call", "q": "Deals & stages", "hub": "content"})
    assert answer.url == "/callback/?q=Deals+%26+stages&hub=content"


def test_the_page_follows_the_call(mina, call, now, kestrel):
    anna = StaffFactory(full_name="Anna Meier")
    path = f"/callback/{call.pk}/"
    page = mina.get(path).content.decode()
    assert ("We call you by" in page, ">13:10</time>" in page, "+49 1512 3456789" in page) == (True,) * 3
    assert "You&#x27;re first in the queue." in page or "You're first in the queue." in page
    attempt = calling.dial(call=call, actor=anna, now=now)
    part = mina.get(f"{path}?part=1&seen=waiting").content.decode()
    assert "Anna Meier is calling you" in part
    assert 'id="call-news" hx-swap-oob="true">Anna Meier is calling you<' in part
    calling.finish(attempt=attempt, actor=anna, outcome="no_answer", note="his secret", now=now)
    page = mina.get(path).content.decode()
    assert "We couldn't reach you. We try again at" in page
    assert [f">{text}</time>" in page for text in ("13:20", "13:50")] == [True, True]
    assert "secret" not in page
    attempt = calling.dial(call=call, actor=anna, now=now, early=True)
    calling.finish(attempt=attempt, actor=anna, outcome="connected", note="his secret", now=at(now, 3))
    page = mina.get(path).content.decode()
    assert ("Anna Meier called you at" in page, "kept" in page, "secret" in page) == (True, True, False)
    assert "every 5s" not in page  # it is over: nothing is asked for any more
    page = mina.get(f"/tickets/{call.ticket_id}/").content.decode()
    assert ("Anna Meier spoke with you on the phone" in page, "secret" in page) == (True, False)
    assert f'href="{path}"' in page


def test_given_up_it_says_how_to_go_on_and_a_new_call_goes_on_with_the_ticket(mina, call, said, now):
    anna = StaffFactory()
    attempt = calling.dial(call=call, actor=anna, now=now)
    calling.finish(attempt=attempt, actor=anna, outcome="wrong_number", note="", now=now)
    page = mina.get(f"/callback/{call.pk}/").content.decode()
    assert "is a wrong number" in page
    assert f"/callback/?again={call.pk}" in page
    page = mina.get(f"/callback/?again={call.pk}").content.decode()
    assert "Deals don&#x27;t move" in page
    mina.post(FORM, said(key="B" * 22, again=call.pk, number="+81 3 1234 5678"))
    again = CallRequest.objects.exclude(pk=call.pk).get()
    assert (again.ticket, again.number) == (call.ticket, "+81312345678")
    assert Ticket.objects.count() == 1


def test_number_and_time_can_be_changed_and_the_call_cancelled(mina, call, said, now):
    begin = now.replace(hour=15, minute=0).isoformat()
    path = f"/callback/{call.pk}/change/"
    assert 'value="+49 1512 3456789"' in mina.get(path).content.decode()
    answer = mina.post(path, said(number="nothing"))
    assert "not a telephone number" in answer.content.decode()
    mina.post(path, said(number="+81 3 1234 5678", when="window", window=begin))
    call.refresh_from_db()
    assert (call.number, call.begins_at) == ("+81312345678", datetime.fromisoformat(begin))
    mina.post(f"/callback/{call.pk}/now/")
    call.refresh_from_db()
    assert (call.begins_at, call.clock.due_at) == (None, at(now, 5))
    mina.post(f"/callback/{call.pk}/cancel/")
    page = mina.get(f"/callback/{call.pk}/").content.decode()
    assert "This call is cancelled" in page
    assert mina.get(path).url == f"/callback/{call.pk}/"


def test_the_call_of_a_ticket_marked_as_spam_is_off_and_another_can_be_had(mina, call, said, now):
    mark_spam(ticket=call.ticket, actor=StaffFactory(), reason="a joke", now=now)
    page = mina.get(f"{FORM}{call.pk}/").text
    assert "This call is cancelled" in page
    assert "hx-get" not in page.split('id="call"')[1].split(">")[0]
    assert "You had asked for a call." in mina.get(f"/tickets/{call.ticket_id}/").text
    assert mina.post(FORM, said(key="B" * 22)).url != f"{FORM}{call.pk}/"


@pytest.mark.parametrize("path", ["", "change/", "now/", "cancel/"])
def test_nobody_elses_call_exists_for_anybody(kestrel, sign_in, call, path):
    stranger = DesignatedFactory()
    SubscriptionFactory(account=stranger.account)
    for person in (stranger, kestrel.tomas):
        client = sign_in(person)
        for pk in (call.pk, call.pk + 1, 2**70):
            url = f"/callback/{pk}/{path}"
            answer = client.get(url) if path in ("", "change/") else client.post(url)
            assert answer.status_code == 404
    call.refresh_from_db()
    assert call.state == "waiting"


def test_who_has_left_the_account_sees_its_call_no_more(kestrel, mina, call):
    SubscriptionFactory(account=DesignatedFactory(user=kestrel.mina.user).account)
    kestrel.mina.delete()
    assert mina.get(f"/callback/{call.pk}/").status_code == 404


def test_another_persons_earlier_call_is_no_beginning_for_a_new_one(kestrel, sign_in, call, mina, said):
    mina.post(f"/callback/{call.pk}/cancel/")
    client = sign_in(kestrel.tomas)
    assert "Deals" not in client.get(f"/callback/?again={call.pk}").content.decode()
    client.post(FORM, said(key="B" * 22, again=call.pk))
    assert CallRequest.objects.exclude(pk=call.pk).get().ticket != call.ticket


def test_hostile_input_is_text(mina, said):
    mina.post(FORM, said(topic="<b>x</b>\x00", details="‮" + "y" * 4000, again="9" * 40))
    mina.post(FORM, said(topic="<b>x</b>", details="y" * 4000, again="9" * 40))
    call = CallRequest.objects.get()
    assert "<b>x" not in mina.get(f"/callback/{call.pk}/").content.decode()


def test_the_page_costs_the_same_whatever_the_call_has_behind_it(mina, call, now):
    def cost():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            mina.get(f"/callback/{call.pk}/")
        return len(asked)

    anna = StaffFactory()
    before = cost()
    for _ in range(2):
        attempt = calling.dial(call=call, actor=anna, now=now, early=True)
        calling.finish(attempt=attempt, actor=anna, outcome="busy", note="", now=now)
    assert cost() <= before


def test_a_phone_that_a_provider_rings_can_be_stopped_until_somebody_answers(mina, call, now, settings):
    settings.TELEPHONY = "twilio"
    attempt = calling.dial(call=call, actor=StaffFactory(), now=now)
    assert "Stop ringing and cancel the call" in mina.get(f"{FORM}{call.pk}/").text
    CallAttempt.objects.update(dial="placed", progress="in-progress")
    assert "Stop ringing" not in mina.get(f"{FORM}{call.pk}/?part=1").text
    assert "Say it to the specialist" in mina.post(f"{FORM}{call.pk}/cancel/", follow=True).text
    CallAttempt.objects.update(progress="ringing")
    assert "This call is cancelled" in mina.post(f"{FORM}{call.pk}/cancel/", follow=True).text
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.dial) == ("stopped", "hanging_up")


def test_a_specialist_who_dials_by_hand_is_told_by_word_of_mouth(mina, call, now):
    calling.dial(call=call, actor=StaffFactory(), now=now)
    assert "Stop ringing" not in mina.get(f"{FORM}{call.pk}/").text
