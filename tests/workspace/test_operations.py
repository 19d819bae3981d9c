"""What operators see: alarms, a banner while one is open, bundled mails, and who heard of an escalation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.escalation.models import Escalation
from helpdesk.notifications.models import Alarm, Delivery, Notice, OutboxMail
from tests.factories import StaffFactory, TeamFactory, make_ticket

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def enter(client):
    def sign_in(role: str = StaffRole.ADMINISTRATOR):
        person = StaffFactory(staff_role=role)
        client.force_login(person, backend=BACKEND)
        return person

    return sign_in


@pytest.mark.parametrize(
    ("role", "seen"),
    [
        (StaffRole.SPECIALIST, False),
        (StaffRole.TEAM_LEAD, False),
        (StaffRole.MANAGER, True),
        (StaffRole.ADMINISTRATOR, True),
    ],
)
def test_while_an_alarm_is_open_those_who_run_the_service_see_a_banner_on_every_page(client, enter, role, seen):
    enter(role)
    alarm = Alarm.objects.create(name="mail_dead", since=timezone.now(), detail={"count": 3})
    for page in ("/admin/helpdesk/ticket/", "/admin/", "/admin/me/"):
        assert ("Mail was given up" in client.get(page).content.decode()) == seen
    Alarm.objects.filter(pk=alarm.pk).update(until=timezone.now())
    assert "alarm-bar" not in client.get("/admin/helpdesk/ticket/").content.decode()


def test_the_list_of_alarms_says_what_was_found_and_how_long_it_lasted(client, enter):
    enter(StaffRole.MANAGER)
    now = timezone.now()
    Alarm.objects.create(name="mail_dead", since=now, detail={"count": 3})
    Alarm.objects.create(name="sweep_late", since=now - 9 * MINUTE, until=now - 2 * MINUTE, detail={})
    page = client.get("/admin/helpdesk/alarm/").content.decode()
    assert "3 mails were given up." in page
    assert "still open" in page
    assert "7 min" in page
    assert "No sweep has run yet." in page
    assert "No sweep" not in client.get("/admin/helpdesk/alarm/?state=open").content.decode()


def test_a_notice_of_an_alarm_is_told_in_words(client, enter):
    person = enter()
    said = {"name": "sweep_late", "until_at": None}
    Notice.objects.create(
        key="a", recipient=person, kind="alarm", context=said, url="/admin/helpdesk/alarm/", created_at=timezone.now()
    )
    Notice.objects.create(
        key="b", recipient=person, kind="alarm", context={**said, "until_at": "x"}, url="", created_at=timezone.now()
    )
    page = client.get("/admin/helpdesk/notice/").content.decode()
    assert "Alarm: The sweep is late" in page
    assert "Well again: The sweep is late" in page


def test_a_bundled_mail_leads_to_its_digest_and_a_dead_digest_is_sent_again(client, enter, now):
    enter()
    common = {"to": ["olu@premium.example"], "created_at": now}
    digest = OutboxMail.objects.create(
        key="digest/1",
        message_id="<d>",
        template="escalation_digest",
        state=Delivery.DEAD,
        context={"rows": [{"reference": "PS-1"}, {"reference": "PS-2"}], "more": 7},
        **common,
    )
    member = OutboxMail.objects.create(
        key="escalation/1", message_id="<m>", template="escalation", state=Delivery.BUNDLED, digest=digest, **common
    )
    page = client.get("/admin/helpdesk/outboxmail/?state=bundled").content.decode()
    assert f'<a href="/admin/helpdesk/outboxmail/{digest.pk}/change/">In a digest</a>' in page
    assert str(digest) in client.get(f"/admin/helpdesk/outboxmail/{member.pk}/change/").content.decode()
    assert "PS-1, PS-2, + 7" in client.get(f"/admin/helpdesk/outboxmail/{digest.pk}/change/").content.decode()
    data = {"action": "send_chosen_again", "index": "0", "_selected_action": [digest.pk, member.pk]}
    client.post("/admin/helpdesk/outboxmail/", data)
    digest.refresh_from_db()
    member.refresh_from_db()
    assert (digest.state, member.state) == (Delivery.PENDING, Delivery.BUNDLED)


def test_an_escalation_says_when_it_was_due_noticed_and_delivered_and_to_whom(client, enter, now):
    enter(StaffRole.SPECIALIST)
    ticket = make_ticket(now=now)
    row = Escalation.objects.create(
        clock=ticket.clocks.get(),
        ticket=ticket,
        deadline_version=1,
        percent=75,
        due_at=now,
        detected_at=now + timedelta(seconds=2),
        delivered_at=now + timedelta(seconds=65),
        told=[StaffFactory(full_name="Helen Marsh").pk],
        skipped=[{"user": StaffFactory(full_name="Olu Adeyemi").pk, "until": "2027-01-04T08:00:00+00:00"}],
        acts={"raise_priority": True, "assign_team": TeamFactory(name="Duty team").pk},
    )
    for path in ("", f"{row.pk}/change/"):
        page = client.get(f"/admin/helpdesk/escalation/{path}").content.decode()
        for words in ("0m 02s", "1m 05s", "Helen Marsh", "Olu Adeyemi, away until", "priority raised, to Duty team"):
            assert words in page, (path, words)
        assert "2027" in page or "4 Jan" in page
    Escalation.objects.update(acts_pending=True, delivered_at=None)
    assert "to Duty team, waits" in client.get("/admin/helpdesk/escalation/").content.decode()


def test_what_was_sent_and_found_is_named_in_words_that_people_read(client, enter):
    enter(StaffRole.ADMINISTRATOR)
    sent = OutboxMail.objects.create(
        key="acknowledgement:1", template="acknowledgement", to=["mina@kestrel.example"], created_at=timezone.now()
    )
    page = client.get(f"/admin/helpdesk/outboxmail/{sent.pk}/change/").content.decode()
    assert "<title>Mail to mina@kestrel.example |" in page
    assert "acknowledgement →" not in page


def test_ones_own_settings_belong_to_no_entry_of_the_navigation(client, enter):
    enter(StaffRole.ADMINISTRATOR)
    page = client.get("/admin/me/").content.decode()
    navigation = page[page.index('<nav class="ws-nav"') : page.index("</nav>")]
    assert "aria-current" not in navigation
