"""Objects for tests: a world with one entitled account, its people, and the staff."""

from datetime import UTC, date, datetime

import factory
from factory.django import DjangoModelFactory

from helpdesk.accounts.models import Account, Membership, StaffRole, Team, TeamMembership, User
from helpdesk.core.channels import Channel
from helpdesk.subscriptions.entitlement import entitlements
from helpdesk.subscriptions.models import Hub, Subscription
from helpdesk.tickets.models import Source, Ticket
from helpdesk.tickets.services import NewTicket, open_ticket

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"person{n}@kestrel.example")
    full_name = factory.Sequence(lambda n: f"Person {n}")

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return model_class.objects.create_user(password=PASSWORD, **kwargs)


class StaffFactory(UserFactory):
    email = factory.Sequence(lambda n: f"staff{n}@premium.example")
    staff_role = StaffRole.SPECIALIST


class AccountFactory(DjangoModelFactory):
    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"Account {n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = Membership

    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)


class DesignatedFactory(MembershipFactory):
    role = Membership.Role.SUPER_ADMIN
    is_designated = True


class SubscriptionFactory(DjangoModelFactory):
    class Meta:
        model = Subscription

    account = factory.SubFactory(AccountFactory)
    hub = factory.LazyFunction(lambda: Hub.objects.get(code="content"))
    premium_support = True
    starts_on = date(2020, 1, 1)  # and without an end: some tests run in the real present


class TeamFactory(DjangoModelFactory):
    class Meta:
        model = Team

    name = factory.Sequence(lambda n: f"Team {n}")


def add_to_team(team: Team, user: User, *, lead: bool = False) -> None:
    TeamMembership.objects.create(team=team, user=user, is_lead=lead)


def make_ticket(
    membership: Membership | None = None,
    *,
    now: datetime = datetime(2026, 11, 24, 12, 5, tzinfo=UTC),
    subject: str = "Forms show a blank page",
    body: str = "Since 13:40 every form is blank.",
    critical: bool = False,
    channel: Channel = Channel.EMAIL,
    source: Source = Source.FORM,
    hub: str = "content",
) -> Ticket:
    """A ticket opened the way the product opens it, by a designated super admin unless told otherwise."""
    membership = membership or DesignatedFactory()
    if not any(row.hub.pk == hub for row in entitlements(account=membership.account, now=now)):
        SubscriptionFactory(account=membership.account, hub=Hub.objects.get(code=hub))
    entitlement = next(row for row in entitlements(account=membership.account, now=now) if row.hub.pk == hub)
    return open_ticket(
        new=NewTicket(
            membership=membership,
            entitlement=entitlement,
            subject=subject,
            body=body,
            channel=channel,
            source=source,
            critical=critical,
        ),
        now=now,
    )
