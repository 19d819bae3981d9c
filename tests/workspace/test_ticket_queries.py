"""What the ticket's page costs the database when everything is on it that can be (SPEC 2.9)."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.accounts.models import StaffRole
from helpdesk.channels.callback import services as callback
from helpdesk.escalation.manager_requests import ask_manager
from helpdesk.sla.clock import Effect
from helpdesk.sla.models import ExceptionCode
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.tickets import services
from helpdesk.tickets.models import CustomField, Macro, Status, TicketLink
from helpdesk.tickets.services import Typed, Wish, saved_views
from tests.factories import DesignatedFactory, StaffFactory, SubscriptionFactory, TeamFactory, add_to_team, make_ticket

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
MOST = 25


class Scene:
    """A ticket to which everything happens that shows on its page."""

    def __init__(self, reader):
        self.reader, self.now = reader, timezone.now() - 40 * MINUTE
        self.colleague, self.team = StaffFactory(full_name="Anna Meier"), TeamFactory()
        add_to_team(self.team, reader, lead=True)
        self.member = DesignatedFactory()
        SubscriptionFactory(account=self.member.account)
        self.ticket = self._called("Forms show a blank page")
        services.assign(ticket=self.ticket, owner=self.colleague, team=self.team, actor=reader, now=self.now)

    def _called(self, subject):
        new = callback.NewCall(
            membership=self.member,
            entitlement=entitlements(account=self.member.account, now=self.now)[0],
            key=subject.ljust(22, "x")[:22],
            subject=subject,
            body="Since 13:40 every form is blank.",
            number="+4915123456789",
            time_zone="Asia/Tokyo",
        )
        return callback.ask(new=new, now=self.now).call.ticket

    def _other(self, subject="Forms show 404404"):
        return make_ticket(self.member, now=self.now, subject=subject)

    def happens(self, times):
        for number in range(times):
            self._is_talked_about(number)
            self._is_put_in_order(number)
            self._stands_among_others()
        self._waits_for_people()

    def _is_talked_about(self, number):
        common = {"ticket": self.ticket, "now": self.now}
        upload = SimpleUploadedFile("log.txt", f"It broke, {number}.".encode())
        file = services.attach_file(actor=self.colleague, upload=upload, **common)
        services.add_note(actor=self.colleague, body=f"@{self.reader.full_name}", attachments=[file], **common)
        services.reply(actor=self.colleague, body="Which forms?", status=Status.WAITING, **common)
        services.customer_reply(actor=self.ticket.requester, body="All of them.", **common)

    def _is_put_in_order(self, number):
        common = {"ticket": self.ticket, "actor": self.colleague, "now": self.now}
        services.change_tags(add=[f"tag {self.ticket.pk} {number}"], **common)
        services.add_time(minutes=5, note="Looked", **common)
        services.watch(ticket=self.ticket, user=StaffFactory(), now=self.now)
        field = CustomField.objects.create(code=f"f{CustomField.objects.count()}", label="Browser")
        services.set_fields(values={field.code: "Firefox"}, **common)
        Macro.objects.create(name=f"Macro {number}", acts=[{"do": "assign", "team": TeamFactory().pk}])

    def _stands_among_others(self):
        common = {"actor": self.colleague, "now": self.now}
        services.join_incident(ticket=self._other(), incident=self.ticket, **common)
        services.link(ticket=self.ticket, other=self._other(), kind=TicketLink.Kind.RELATED, **common)
        services.merge(ticket=self._other("Blank again"), into=self.ticket, reason="The same", **common)

    def _waits_for_people(self):
        common = {"ticket": self.ticket, "now": timezone.now()}
        clock = self.ticket.clocks.exclude(due_at=None).latest("pk")
        code = ExceptionCode.objects.filter(is_active=True, effects__contains=["void"]).first()
        wish = Wish(effect=Effect.VOID)
        services.request_exception(
            clock=clock, code=code, wish=wish, evidence="Mail", actor=self.colleague, now=timezone.now()
        )
        ask_manager(actor=self.colleague, reason="Platform team, please.", **common)
        upload = SimpleUploadedFile("mine.txt", b"Mine.")
        services.attach_file(actor=self.reader, upload=upload, **common)
        services.save_draft(actor=self.reader, typed=Typed(body="Half a sentence"), known=None, **common)


@pytest.mark.parametrize("role", [StaffRole.TEAM_LEAD, StaffRole.MANAGER, StaffRole.ADMINISTRATOR])
def test_the_fullest_page_opened_from_a_saved_view_keeps_to_the_limit(client, role):
    reader = StaffFactory(full_name="Olu Adeyemi", staff_role=role)
    client.force_login(reader)
    costs = []
    for times in (1, 8):
        scene = Scene(reader)
        scene.happens(times)
        params = {"view": "closed", "q": "404404"}  # might be a ticket's number: asked first
        view = saved_views.save_view(
            name=f"Forms {times}", params=params, columns=[], actor=reader, team=scene.team, now=scene.now
        )
        address = f"/admin/helpdesk/ticket/{scene.ticket.pk}/change/?saved={view.pk}"
        client.get(address)  # who reads a ticket first is written down
        with CaptureQueriesContext(connection) as caught:
            page = client.get(address)
        assert page.status_code == 200
        for shown in ("Half a sentence", "mine.txt", "Platform team, please.", "Firefox", "+49 1512 3456789"):
            assert shown in page.text
        costs.append(len(caught))
    assert costs == [costs[0]] * 2
    assert costs[0] <= MOST
