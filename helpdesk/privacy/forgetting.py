"""What an erasure does, table by table; `places.py` says the same for every column, and why.

Each function takes whom it is about, and under which names and addresses they were known. None opens a transaction:
`erasure.erase` is one. Rows that only point at the person stay: what they point at has no name any more.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from helpdesk.accounts.invitations import AccountEvent, Invitation
from helpdesk.accounts.models import Absence, TeamMembership, User
from helpdesk.accounts.past import PastIdentity
from helpdesk.notifications.models import Delivery, Notice, OutboxMail
from helpdesk.privacy.known import Known
from helpdesk.reports.models import ReportSchedule
from helpdesk.tickets.models import (
    Attachment,
    BulkAct,
    CannedReply,
    Draft,
    Macro,
    Reading,
    SavedView,
    Ticket,
    TicketEvent,
    Watch,
)
from helpdesk.tickets.services.files import forget_files

BATCH = 500  # rows
NAME = "(erased)"  # in no language: it stands in other people's histories
NAMED = ("requester", "author", "by", "inviter", "owner", "requested_by", "decided_by")  # in what mails and notices say


def pseudonym(user: User) -> str:
    return f"erased-{user.pk}@erased.invalid"


def forget_ways_in(user: User) -> None:
    keys = list(UserSession.objects.filter(user=user).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    PastIdentity.objects.filter(user=user).delete()
    TeamMembership.objects.filter(user=user).delete()


def forget_desk(user: User) -> None:
    """What a member of staff had for themselves: unsent texts with their files, views, templates, notes on absences."""
    for model in (Draft, SavedView, Macro, CannedReply):
        mine = {"user": user} if model is Draft else {"owner": user}
        model.objects.filter(**mine).delete()
    forget_files(Attachment.objects.filter(uploaded_by=user, message=None).select_for_update())
    Watch.objects.filter(user=user).delete()
    Reading.objects.filter(user=user).delete()
    Absence.objects.filter(user=user).update(note="")
    ReportSchedule.recipients.through.objects.filter(user=user).delete()


def forget_mails(user: User, known: Known) -> None:
    """What waits is not sent any more; of what was sent stays that it was."""
    mails = OutboxMail.objects.filter(Q(recipient=user) | Q(to__overlap=list(known.addresses)))
    mails.filter(state__in=[*Delivery.unfinished(), Delivery.DEAD]).delete()
    mails.update(to=[pseudonym(user)], context={}, last_error="")
    Notice.objects.filter(recipient=user).delete()
    for address in known.addresses:
        _without_element(OutboxMail, "cc", address)
        OutboxMail.objects.filter(last_error__icontains=address).update(last_error="")  # servers repeat it
    for model in (OutboxMail, Notice):  # what others were told
        told = model.objects.annotate(text=Cast("context", TextField())).filter(_telling(known))
        _rewrite(told, lambda row: {"context": _untold(row.context, known, user)}, "context")


def _telling(known: Known) -> Q:
    """Rows whose values say a name as somebody's, or an address; a digest has them in its `rows`."""
    found = Q(pk__in=[])
    for name in known.names:
        for key in NAMED:
            found |= Q(context__contains={key: name}) | Q(context__contains={"rows": [{key: name}]})
    for address in known.addresses:
        found |= Q(text__icontains=address)
    return found


def _untold(context: dict[str, Any], known: Known, user: User) -> dict[str, Any]:
    told = {key: NAME if key in NAMED and value in known.names else value for key, value in context.items()}
    if isinstance(told.get("rows"), list):
        told["rows"] = [_untold(row, known, user) for row in told["rows"]]
    return _each_text(told, _striking(known.addresses, pseudonym(user)))


def forget_address(user: User, known: Known) -> None:
    """Where an address stands: copies of tickets, invitations, the history of the account."""
    addresses = list(known.addresses)
    for address in addresses:
        _without_element(Ticket, "cc", address)
    Invitation.objects.filter(email__in=addresses).waiting().delete()
    Invitation.objects.filter(Q(email__in=addresses) | Q(accepted_by=user)).update(email=pseudonym(user))
    AccountEvent.objects.filter(email__in=addresses).update(email=pseudonym(user))


def _without_element(model: type[Ticket] | type[OutboxMail], field: str, value: str) -> None:
    left = Func(F(field), Value(value), function="array_remove")
    model.objects.filter(**{f"{field}__contains": [value]}).update(**{field: left})


def forget_in_events(user: User, known: Known) -> None:
    """Who was put in copy, and who owned a ticket, by name: in events that nobody changes otherwise."""
    strike = _striking(known.addresses, pseudonym(user))

    def changed(event: TicketEvent) -> dict[str, Any]:
        data = _each_text(event.data, strike)
        return {"data": data | {"owner": NAME} if data.get("owner") in known.names else data}

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL helpdesk.erasure = 'on'")
        _rewrite(_copied(known.addresses), changed, "data")
        if user.is_staff:
            owned = TicketEvent.objects.filter(kind=TicketEvent.Kind.ASSIGNED, data__owner__in=known.names)
            _rewrite(owned, changed, "data")
        cursor.execute("SET LOCAL helpdesk.erasure = 'off'")


def _copied(addresses: Iterable[str]) -> QuerySet[TicketEvent]:
    events = TicketEvent.objects.filter(kind=TicketEvent.Kind.COPIES).annotate(text=Cast("data", TextField()))
    found = Q(pk__in=[])
    for address in addresses:
        found |= Q(text__icontains=address)
    return events.filter(found)


def _rewrite(rows: QuerySet, change: Callable[[Any], dict[str, Any]], *fields: str) -> None:
    """Change these rows, a batch a statement; however many there are, few of them are in memory."""
    last, model = 0, rows.model
    while batch := list(rows.filter(pk__gt=last).only(*fields).order_by("pk")[:BATCH]):
        for row in batch:
            vars(row).update(change(row))
        model.objects.bulk_update(batch, fields)
        last = batch[-1].pk


def forget_in_acts(user: User, known: Known) -> None:
    """Acts on many tickets say who had taken one meanwhile: a member of staff."""
    if not user.is_staff:
        return
    strike = _striking(known.names, NAME)
    naming = Q(pk__in=[])
    for name in known.names:
        naming |= Q(text__contains=json.dumps(name, ensure_ascii=False)[1:-1])
    acts = BulkAct.objects.annotate(text=Cast("outcomes", TextField())).filter(naming)
    _rewrite(acts, lambda act: {"outcomes": _each_text(act.outcomes, strike)}, "outcomes")


def forget_in_log(user: User, known: Known) -> None:
    """The history of the admin's pages: the person's own, and that of others on which they stood in a row."""
    kind = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=kind, object_id=str(user.pk)).update(object_repr=NAME, change_message="")
    told = (*known.addresses, *known.names)
    if not told:
        return
    naming = Q()
    for text in told:  # a change's message is JSON, in which other letters than ASCII are escaped
        naming |= Q(object_repr__icontains=text) | Q(change_message__icontains=text)
        naming |= Q(change_message__icontains=json.dumps(text)[1:-1])
    strike = _striking(told, NAME)

    def changed(entry: LogEntry) -> dict[str, str]:
        told = {"object_repr": strike(entry.object_repr)[:200]}  # the field's length
        return told | {"change_message": _struck(entry.change_message, strike)}

    _rewrite(LogEntry.objects.filter(naming), changed, "object_repr", "change_message")


def _striking(texts: Iterable[str], by: str) -> Callable[[str], str]:
    """Puts `by` in the place of these texts, as whole words, the longest first; of addresses in any case."""
    ordered = sorted(texts, key=len, reverse=True)
    told = "|".join(f"(?i:{re.escape(text)})" if "@" in text else re.escape(text) for text in ordered)
    words = re.compile(rf"(?<![\w.+-])(?:{told})(?![\w-]|\.\w)")
    return lambda text: words.sub(by, text) if told else text


def _struck(message: str, strike: Callable[[str], str]) -> str:
    """A change's message without the words; as it is kept, or a plain text."""
    try:
        said = json.loads(message)
    except ValueError:
        return strike(message)
    return json.dumps(_each_text(said, strike))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _each_text(one, change) for key, one in value.items()}
    return value
