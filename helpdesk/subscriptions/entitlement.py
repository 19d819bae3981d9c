"""Who may use premium support for what (SPEC 2.1)."""

from dataclasses import dataclass
from datetime import date, datetime

from helpdesk.accounts.models import Account
from helpdesk.core.channels import Channel
from helpdesk.core.prepared import Ready
from helpdesk.subscriptions.models import Hub, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """An account's right to premium support for one hub, as of one day."""

    subscription_id: int
    hub: Hub
    tier: str
    channels: tuple[str, ...]
    ends_on: date | None

    def includes(self, channel: str) -> bool:
        return channel in self.channels

    def as_json(self) -> dict[str, object]:
        """What a ticket keeps of it, for good."""
        return {
            "subscription": self.subscription_id,
            "hub": self.hub.pk,
            "tier": self.tier,
            "channels": list(self.channels),
            "ends_on": self.ends_on.isoformat() if self.ends_on else None,
        }


_active = Ready(
    lambda account_id, day: (
        Subscription.objects.filter(account_id=account_id, premium_support=True)
        .on(day)
        .select_related("hub")
        .order_by("hub__position", "ends_on", "id")
    ),  # PostgreSQL sorts an open end last
    account_id=int,
    day=date,
)


def entitlements(*, account: Account, now: datetime) -> list[Entitlement]:
    """The account's entitlements at `now`, by hub; a subscription's days are the account's local days.

    Where subscriptions to one hub overlap, the one that ends last counts. One query.
    """
    by_hub = {
        row.hub_id: Entitlement(
            subscription_id=row.pk,
            hub=row.hub,
            tier=row.tier,
            channels=tuple(channel for channel in Channel.values if channel in row.channels),
            ends_on=row.ends_on,
        )
        for row in _active(account_id=account.pk, day=account.local_day(now))
    }
    return list(by_hub.values())
