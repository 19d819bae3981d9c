"""What a hub wants to know of its tickets: values of the fields that managers define."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from helpdesk.accounts.models import User
from helpdesk.tickets.models import CustomField, Ticket, TicketEvent
from helpdesk.tickets.services.exceptions import WrongValue
from helpdesk.tickets.services.locked import happened, lock, touch

LONGEST_TEXT = 500
LARGEST = Decimal("1e15")  # beyond it a page's number and JSON's may differ


def fields_of(hub_id: Any) -> QuerySet[CustomField]:
    """The fields of a hub's tickets that are in use."""
    return CustomField.objects.filter(Q(hub=None) | Q(hub=hub_id), is_active=True)


def read_value(field: CustomField, text: str) -> Any:
    """What was typed as the plain JSON value that is kept; None for nothing. Raises WrongValue."""
    text = text.replace("\x00", "").strip()
    if field.kind == CustomField.Kind.CHECK:
        return text in ("on", "true", "1")
    if not text:
        return None
    match field.kind:
        case CustomField.Kind.NUMBER:
            return _number(field, text)
        case CustomField.Kind.DATE:
            return _date(field, text)
        case CustomField.Kind.CHOICE if text not in field.choices:
            raise WrongValue(field.code, _("Choose one of the list."))
    if len(text) > LONGEST_TEXT:
        raise WrongValue(
            field.code, _("This is longer than %(most)d characters. Please shorten it.") % {"most": LONGEST_TEXT}
        )
    return text


@transaction.atomic
def set_fields(*, ticket: Ticket, values: Mapping[str, str], actor: User, now: datetime) -> Ticket:
    """Set the fields that are named, as typed, and no others. WrongValue names the one that cannot be."""
    ticket, _clocks = lock(ticket, now=now)
    fields = {field.code: field for field in fields_of(ticket.hub_id)}
    before, after = {}, {}
    for code, text in values.items():
        if code not in fields:
            raise WrongValue(code, _("This field is no longer in use."))
        value, known = read_value(fields[code], text), ticket.custom_values.get(code)
        if value != known and (value or known):  # never ticked is as good as not ticked
            before[code], after[code] = known, value
    if not after:
        return ticket
    kept = {**ticket.custom_values, **after}
    ticket.custom_values = {code: value for code, value in kept.items() if value is not None}
    happened(ticket, TicketEvent.Kind.FIELDS, now, actor, before=before, after=after).save()
    touch(ticket, now, "custom_values")
    return ticket


def _number(field: CustomField, text: str) -> int | float:
    try:
        number = Decimal(text.replace(",", "."))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > LARGEST:
        raise WrongValue(field.code, _("Write a number, such as 12 or 12.5."))
    return int(number) if number == number.to_integral_value() else float(number)


def _date(field: CustomField, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise WrongValue(field.code, _("Write the day as 2026-11-23.")) from None
