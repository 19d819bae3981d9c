"""Drafts of policies, and two managers at once: the second is told, and loses nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from helpdesk.sla.models import Policy
from helpdesk.sla.terms import Conditions, Recipient, Step, Terms
from helpdesk.workspace.policy_editor import Editor, Typed, typed_of
from helpdesk.workspace.policy_page import Situation, read
from helpdesk.workspace.policy_words import Names, changes
from helpdesk.workspace.wording import instant

# What a new policy begins with (SPEC 2.5).
USUAL = Terms(
    conditions=Conditions(),
    targets=(),
    steps=(
        Step(percent=50, recipients=(Recipient.OWNER,)),
        Step(percent=75, recipients=(Recipient.TEAM_LEAD,)),
        Step(percent=100, recipients=(Recipient.MANAGER,)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a person had before their eyes: the newest version, and the draft by the instant it was saved."""

    version: str
    draft: str

    @classmethod
    def now(cls, situation: Situation) -> "Basis":
        saved = situation.policy.draft_at if situation.policy else None
        return cls(version=str(situation.newest), draft=saved.isoformat() if saved else "")

    @classmethod
    def sent(cls, sent: Any) -> "Basis":
        return cls(version=sent.get("basis_version", ""), draft=sent.get("basis_draft", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Somebody else was quicker: what they did."""

    text: str
    changes: list[str] = field(default_factory=list)


def conflict(situation: Situation, sent: Basis) -> Conflict | None:
    """What was saved by others since a person opened the page."""
    now = Basis.now(situation)
    if sent.version != now.version:
        return overtaken(situation)
    if sent.draft != now.draft and now.draft:
        policy = situation.policy
        words = {"who": policy.draft_by or "–", "at": instant(policy.draft_at)}
        return Conflict(
            text=_("%(who)s saved a draft at %(at)s, after you opened this page. Saving again replaces it.") % words,
            changes=_between(situation.before, draft_terms(situation)),
        )
    return None


def overtaken(situation: Situation) -> Conflict:
    """A newer version is in force than the one that a person, or a draft, began with."""
    version = situation.current
    words = {
        "number": version.number,
        "who": version.created_by or _("the installation"),
        "at": instant(version.created_at),
        "next": version.number + 1,
    }
    older = situation.policy.versions.filter(number=version.number - 1).first()
    return Conflict(
        text=_(
            "Version %(number)d was published meanwhile, by %(who)s at %(at)s. What was typed here is kept: "
            "compare, and save again to put it in force as version %(next)d."
        )
        % words,
        changes=_between(read(older), situation.before),
    )


def draft_of(policy: Policy | None) -> tuple[Typed, str] | None:
    """What a draft keeps, and the version that it began with; None where there is none that can be read."""
    document = policy.draft if policy else None
    if not isinstance(document, Mapping) or not isinstance(document.get("typed"), Mapping):
        return None
    typed = {
        str(name): [str(value) for value in values]
        for name, values in document["typed"].items()
        if isinstance(values, list)
    }
    return typed, str(document.get("based_on", ""))


def draft_terms(situation: Situation) -> Terms | None:
    """The terms that a draft would put in force; None for one that isn't complete."""
    draft = draft_of(situation.policy)
    if draft is None:
        return None
    editor = Editor(draft[0], choices=situation.choices)
    return editor.terms() if editor.is_legible() else None


def begun_with(situation: Situation) -> Typed:
    """What stands in the fields when the page is opened: the draft, else the version in force, else a usual start."""
    policy, rank = situation.policy, situation.choices.rank
    draft = draft_of(policy)
    if draft:
        typed = draft[0]
        stays = typed.get("place") == typed.get("place_was")  # nobody chose a place: it is where it is now
        return typed | {"place_was": [str(rank)]} | ({"place": [str(rank)]} if stays else {})
    return typed_of(name=policy.name if policy else "", place=rank, terms=situation.before or USUAL)


def _between(before: Terms | None, after: Terms | None) -> list[str]:
    return changes(before, after, Names.of([before, after])) if before and after else []
