"""The demonstration's data are what the product itself would have written, and show what there is to show."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F, Q

from helpdesk.accounts.invitations import Invitation
from helpdesk.accounts.models import Membership, StaffRole, User
from helpdesk.channels.callback.models import CallRequest
from helpdesk.core.demo import LOGINS, PASSWORD
from helpdesk.escalation.models import Escalation
from helpdesk.escalation.sweep import sweep
from helpdesk.management.demo.files import picture
from helpdesk.notifications.models import OutboxMail
from helpdesk.sla.models import Clock, ClockException
from helpdesk.sla.verification import verify
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.tickets import services
from helpdesk.tickets.models import Attachment, Message, SavedView, SearchText, Ticket, WordQuery

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 24, 12, 5, tzinfo=UTC)

CALLS = 3  # tickets of people who wait for a call, besides those that were asked for


def load(**options) -> str:
    out = StringIO()
    call_command("demo_data", now=NOW, stdout=out, **{"tickets": 120, **options})
    return out.getvalue()


def test_every_clock_is_the_fold_of_its_events():
    load()
    result = verify(now=NOW)
    assert (result.checked > 120, result.differing, result.examples) == (True, 0, [])


def test_everybody_on_the_list_can_sign_in_and_is_who_it_says():
    load()
    people = {user.email: user for user in User.objects.filter(email__in=[email for _role, email in LOGINS])}
    assert all(people[email].check_password(PASSWORD) for _role, email in LOGINS)
    memberships = Membership.objects.filter(user__in=people.values()).select_related("user")
    customers = {row.user.email: row.requester_role for row in memberships}
    assert customers == {
        "mina@kestrel.example": "designated",
        "tomas@kestrel.example": "super_admin",
        "aoife@kestrel.example": "user",
        "piet@vandenberg.example": "super_admin",
    }
    staff = {email: user.staff_role for email, user in people.items() if user.is_staff}
    assert staff == {
        "anna@premium.example": StaffRole.SPECIALIST,
        "olu@premium.example": StaffRole.TEAM_LEAD,
        "helen@premium.example": StaffRole.MANAGER,
        "admin@premium.example": StaffRole.ADMINISTRATOR,
    }


def test_one_company_has_no_premium_support_and_one_person_speaks_for_two():
    load()
    piet = Membership.objects.get(user__email="piet@vandenberg.example")
    assert entitlements(account=piet.account, now=NOW) == []
    accounts = Counter(Membership.objects.values_list("user__email", flat=True))
    assert [email for email, number in accounts.items() if number > 1] == ["noor@lumen-partner.example"]


def test_the_queue_and_minas_home_page_have_something_to_show():
    load()
    active = Ticket.objects.active()
    assert active.count() == 30 + CALLS
    due = [at for at in active.values_list("next_due_at", flat=True) if at]
    assert (min(due) < NOW, sum(NOW < at < NOW + timedelta(minutes=30) for at in due) >= 4) == (True, True)
    assert set(active.values_list("status", flat=True)) == {"new", "open", "waiting"}
    mina = User.objects.get(email="mina@kestrel.example")
    assert active.filter(requester=mina).count() == 3


def test_one_of_minas_aims_was_paused_over_a_weekend_and_runs_again():
    load()
    clock = Clock.objects.get(ticket__requester__email="mina@kestrel.example", metric="next_response", state="running")
    ((begin, end),) = clock.folded().pauses
    assert (begin.weekday(), end < NOW < clock.due_at) == (4, True)
    assert end - begin > timedelta(days=2)


def test_there_are_met_and_missed_guarantees_to_report_on():
    load(tickets=400)
    ended = Clock.objects.filter(promise="guaranteed", counted_at__lt=NOW)
    missed = ended.filter(breached_at__isnull=False).count()
    assert 0.01 < missed / ended.count() < 0.12
    assert ended.exclude(cause="").exists()


@pytest.mark.django_db
def test_nothing_is_acknowledged_before_it_was_noticed():
    load()
    acknowledged = Escalation.objects.exclude(acknowledged_at=None)
    assert acknowledged.exists()
    assert not acknowledged.filter(acknowledged_at__lt=F("detected_at")).exists()


def test_exceptions_were_approved_and_refused_and_some_wait_to_be_decided():
    load(tickets=400)
    states = Counter(ClockException.objects.values_list("state", flat=True))
    assert (states["approved"] >= 4, states["refused"] >= 1, states["asked"] >= 1) == (True, True, True)
    lifted = Clock.objects.filter(gross_breached_at__isnull=False, exceptions__state="approved")
    assert lifted.filter(Q(breached_at=None) | Q(state="exempt")).exists()
    helen = User.objects.get(email="helen@premium.example")
    assert helen.notices.filter(kind="exception_asked", read_at=None).count() >= states["asked"]


def test_the_first_sweep_does_not_flood_anybody():
    load()
    assert sweep(now=NOW + timedelta(seconds=2)).fired <= 2
    assert sweep(now=NOW + timedelta(minutes=30)).fired >= 4


def test_the_managers_screen_shows_what_was_missed():
    load()
    helen = User.objects.get(email="helen@premium.example")
    missed = Clock.objects.open().filter(breached_at__isnull=False, promise="guaranteed").count()
    assert helen.notices.filter(read_at=None).count() >= missed >= 2
    assert set(OutboxMail.objects.values_list("state", flat=True)) == {"sent"}  # nothing of the past goes out again


def test_steps_left_to_a_sweep_are_as_many_as_asked_for():
    load(tickets=200, open=80, due=50)
    result = sweep(now=NOW)
    assert 50 <= result.fired <= 52
    assert result.superseded == 0
    assert verify(now=NOW).differing == 0


def test_the_same_seed_gives_the_same_data():
    def picture():
        load(tickets=60)
        rows = list(Ticket.objects.order_by("id").values_list("id", "subject", "account__name", "created_at", "claim"))
        clocks = list(Clock.objects.order_by("id").values_list("id", "due_at", "state", "breached_at", "cause"))
        transaction.set_rollback(True)
        return rows, clocks

    pictures = []
    for _ in range(2):
        with transaction.atomic():
            pictures.append(picture())
    assert pictures[0] == pictures[1]


def test_many_tickets_are_loaded_without_indexes_that_come_back_as_they_were(monkeypatch):
    def schema():
        with transaction.get_connection().cursor() as cursor:
            cursor.execute(
                # PostgreSQL writes the casts of a condition in another way the second time.
                "SELECT split_part(indexdef, ' WHERE ', 1), position(' WHERE ' in indexdef) > 0"
                " FROM pg_indexes WHERE tablename LIKE 'helpdesk_%' ORDER BY 1"
            )
            indexes = cursor.fetchall()
            cursor.execute(
                "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated"
                " FROM pg_constraint WHERE conrelid::regclass::text LIKE 'helpdesk_%' ORDER BY 1, 2"
            )
            return indexes, cursor.fetchall()

    before = schema()
    monkeypatch.setattr("helpdesk.management.commands.demo_data.BULK", 50)
    load(tickets=80)
    assert schema() == before
    assert Ticket.objects.count() == 80


def test_a_database_in_use_is_left_alone():
    load(tickets=20)
    assert "nothing was changed" in load(tickets=20)
    assert Ticket.objects.count() == 20 + CALLS


def test_what_cannot_be_is_refused():
    with pytest.raises(CommandError):
        load(tickets=10, open=20)


def test_the_product_goes_on_counting_where_the_data_end():
    load(tickets=20)
    last = Ticket.objects.order_by("-id").first()
    member = Membership.objects.get(user__email="mina@kestrel.example")
    ticket = services.open_ticket(
        new=services.NewTicket(
            membership=member,
            entitlement=entitlements(account=member.account, now=NOW)[0],
            subject="New",
            body="New",
        ),
        now=NOW,
    )
    assert ticket.pk == last.pk + 1


def test_every_ticket_is_found_by_what_is_written_in_it():
    load(tickets=60)
    kept = dict(SearchText.objects.values_list("ticket", "words"))
    assert kept.keys() == set(Ticket.objects.values_list("pk", flat=True))
    message = Message.objects.filter(body__regex=r"^\w{5,}").first()
    word = message.body.split()[0]
    assert Ticket.objects.filter(pk=message.ticket_id, search_text__words=WordQuery(word)).exists()
    assert SavedView.objects.visible_to(User.objects.get(email="anna@premium.example")).count() == 3


def test_customers_wait_for_calls_and_others_have_had_one():
    load(tickets=300)
    assert CallRequest.objects.to_make().count() == CALLS
    had = CallRequest.objects.filter(state="connected").select_related("clock")
    assert had.exists()
    assert all(call.made.filter(outcome="connected").count() == 1 for call in had)
    assert all(call.clock.ended_at == call.ended_at for call in had)


def test_files_hang_on_minas_tickets_and_are_the_same_each_time():
    load(tickets=120)
    files = Attachment.objects.filter(ticket__requester__email="mina@kestrel.example").order_by("name")
    assert [(file.name, file.content_type, file.message.kind) for file in files] == [
        ("browser-console.log", "text/plain", "customer"),
        ("checkout-blank.png", "image/png", "customer"),
        ("contacts-twice.csv", "text/csv", "customer"),
        ("how-the-import-ran.log", "text/plain", "reply"),
    ]
    for file in files:
        content = file.file.read()
        assert (len(content), sha256(content).hexdigest()) == (file.size, file.digest)
    assert picture() == picture()


def test_one_person_is_invited_and_has_not_answered():
    load(tickets=120)
    invitation = Invitation.objects.get()
    assert (invitation.account.name, invitation.is_open(NOW)) == ("Kestrel Freight Group", True)
    assert OutboxMail.objects.filter(to=[invitation.email]).count() == 1
