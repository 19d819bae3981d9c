"""The facts that a person gives for a claim of business-critical (SPEC 2.7): guided, kept as codes."""

from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _


class Affected(models.TextChoices):
    EVERYONE = "everyone", _("Everyone, or our customers")
    TEAMS = "teams", _("Several teams")
    FEW = "few", _("One team or a few people")


class Workaround(models.TextChoices):
    NONE = "none", _("No")
    PARTIAL = "partial", _("In part")
    FULL = "full", _("Yes")


def answers(facts: Mapping[str, str]) -> list[tuple[str, str]]:
    """The questions and answers in the reader's language; `since` is an instant in ISO 8601, left as it is.

    An answer that is no code (from another channel than the form) stands as it was given.
    """
    said = {
        "affected": dict(Affected.choices).get(facts.get("affected"), facts.get("affected")),
        "since": facts.get("since"),
        "process": facts.get("process"),
        "workaround": dict(Workaround.choices).get(facts.get("workaround"), facts.get("workaround")),
    }
    questions = {
        "affected": _("Who is affected?"),
        "since": _("Since when?"),
        "process": _("Which process has stopped?"),
        "workaround": _("Is there a way round it?"),
    }
    return [(str(questions[name]), str(value)) for name, value in said.items() if value]
