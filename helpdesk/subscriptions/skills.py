"""Who knows which hub (SPEC 2.8): tickets are handed out to these first."""

from collections.abc import Iterable

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.subscriptions.models import Hub, Skill


@transaction.atomic
def set_skills(*, user: User, hubs: Iterable[Hub], actor: User) -> bool:
    """Say which hubs somebody knows; it is in their history, with who said so. False: nothing changed."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    wanted, known = {hub.pk: hub for hub in hubs}, set(user.skills.values_list("hub_id", flat=True))
    if known == set(wanted):
        return False
    user.skills.exclude(hub__in=wanted).delete()
    Skill.objects.bulk_create(Skill(user=user, hub=hub) for pk, hub in wanted.items() if pk not in known)
    names = ", ".join(sorted(hub.name for hub in wanted.values())) or "–"
    message = _("Knows: %(hubs)s") % {"hubs": names}
    LogEntry.objects.log_actions(actor.pk, [user], CHANGE, message, single_object=True)
    return True
