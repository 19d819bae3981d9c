"""The columns that a queue may have beside the clock and the ticket; a saved view or a person chooses."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`reads`: what the query needs for it beside what every row needs."""

    key: str
    label: Any
    reads: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    is_quiet: bool = False  # its head is for screen readers only


COLUMNS = {
    column.key: column
    for column in (
        Column(key="account", label=_("Account, requester"), reads=("account__name",), related=("account",)),
        Column(
            key="requester",
            label=_("Requester"),
            reads=("requester__full_name", "requester__email"),
            related=("requester",),
        ),
        Column(key="hub", label=_("Hub"), reads=("hub__name",), related=("hub",)),
        Column(key="channel", label=_("Channel"), is_quiet=True),
        Column(key="severity", label=_("Severity")),
        Column(key="priority", label=_("Priority")),
        Column(key="status", label=_("Status")),
        Column(key="tags", label=_("Tags")),
        Column(key="language", label=_("Language")),
        Column(key="team", label=_("Team"), reads=("team__name",), related=("team",)),
        Column(key="owner", label=_("Owner"), reads=("owner__full_name", "owner__email"), related=("owner",)),
        Column(key="opened", label=_("Opened"), reads=("created_at",)),
        Column(key="updated", label=_("Changed")),
    )
}
USUAL = ("account", "hub", "channel", "severity", "status", "owner")
# What every row needs, whatever is shown of it.
ALWAYS = (
    "subject",
    "status",
    "claim",
    "priority",
    "channel",
    "language",
    "requester_role",
    "closed_at",
    "updated_at",
    "account__name",
    "hub__name",
    "owner__full_name",
    "owner__email",
)
RELATED = ("account", "hub", "owner")


def known(keys: Iterable[str]) -> list[str]:
    """Those of the keys that are columns, each once, in the order of the table."""
    wanted = set(keys)
    return [key for key in COLUMNS if key in wanted]


def shown(keys: Iterable[str]) -> list[Column]:
    """The columns to show; the usual ones where none was chosen."""
    return [COLUMNS[key] for key in known(keys) or USUAL]
