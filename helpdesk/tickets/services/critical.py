"""Business critical: claimed, confirmed, declined, raised later (SPEC 2.3)."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from helpdesk.accounts.models import Membership, RequesterRole, User
from helpdesk.core.channels import Channel
from helpdesk.notifications.services import post
from helpdesk.sla import services as sla
from helpdesk.sla.clock import Metric, Promise, State
from helpdesk.sla.models import BreachCause, Clock
from helpdesk.sla.terms import Hours
from helpdesk.tickets import mails
from helpdesk.tickets.models import Claim, Severity, Status, Ticket, TicketEvent
from helpdesk.tickets.services.locked import RESPONSES, Refused, facts_of, happened, lock, touch

JUDGED = ("claim", "claim_reason", "claim_judged_by", "claim_judged_at", "severity", "policy_version")


@transaction.atomic
def judge_claim(*, ticket: Ticket, actor: User, confirmed: bool, reason: str, now: datetime) -> Ticket:
    """Confirm or decline a claim of business-critical, with a reason that the customer sees (SPEC 2.3).

    Declined in time: the target becomes that of a standard issue, from creation. Declined after
    the deadline: the breach stays, with the cause *declined late*.
    """
    ticket, clocks = lock(ticket, now=now)
    if ticket.claim != Claim.CLAIMED or ticket.status == Status.MERGED:  # it is judged where it went
        raise Refused(_("There is no open claim to judge."))
    if not confirmed and not reason.strip():
        raise Refused(_("Say why: the customer reads the reason."))
    ticket.claim = Claim.CONFIRMED if confirmed else Claim.DECLINED
    ticket.claim_reason, ticket.claim_judged_by, ticket.claim_judged_at = reason, actor, now
    if not confirmed:
        ticket.severity = Severity.STANDARD
        # The breach stays, also of a clock that was answered since.
        missed = ticket.clocks.filter(metric=Metric.FIRST_RESPONSE, breached_at__isnull=False)
        missed.filter(cause="").update(cause=BreachCause.DECLINED_LATE)
        kept = [clock for clock in clocks if clock.breached_at is None]
        _rechoose(ticket, kept, actor=actor, now=now, reason="claim declined")
    kind = TicketEvent.Kind.CONFIRMED if confirmed else TicketEvent.Kind.DECLINED
    happened(ticket, kind, now, actor, reason=reason).save()
    touch(ticket, now, *JUDGED)
    post(mails.judgement(ticket=ticket, clock=_first_response(ticket), author=actor, now=now))
    return ticket


@transaction.atomic
def raise_to_critical(*, ticket: Ticket, actor: User, reason: str, now: datetime) -> Ticket:
    """Staff find that an issue is business critical: the targets of one count, from creation (SPEC 2.3).

    Where that deadline has passed already, it is one breach with the cause *late reclassification*,
    and the guarantee applies from now: the customer is told the new time.
    """
    ticket, clocks = lock(ticket, now=now)
    _check_raise(ticket)
    if not reason.strip():
        raise Refused(_("Say why: the customer reads the reason."))
    ticket.claim, ticket.claim_reason, ticket.claim_judged_by, ticket.claim_judged_at = (
        Claim.CONFIRMED,
        reason,
        actor,
        now,
    )
    _raise(ticket, clocks, actor=actor, now=now, reason=reason)
    return ticket


@transaction.atomic
def ask_critical(*, ticket: Ticket, actor: User, facts: dict[str, str], now: datetime) -> Ticket:
    """The customer asks for *critical* later: the clock runs at once, as claimed; a specialist judges it (SPEC 2.3).

    Only by a designated super admin, for such a one's ticket on the e-mail channel, and once: what was declined is
    not asked again.
    """
    ticket, clocks = lock(ticket, now=now)
    _check_raise(ticket)
    if not _is_claimable(ticket, Membership.objects.filter(account=ticket.account_id, user=actor).first()):
        raise Refused(_("Only a designated super admin can mark an e-mail ticket as business critical."))
    if ticket.claim == Claim.DECLINED:
        raise Refused(_("This was declined. If it has become worse since, say so in the ticket."))
    ticket.claim, ticket.claim_facts = Claim.CLAIMED, dict(facts)
    _raise(ticket, clocks, actor=actor, now=now, reason="asked by the customer")
    return ticket


def may_ask_critical(ticket: Ticket, membership: Membership | None) -> bool:
    """Whether `ask_critical` would take it from somebody with this membership of the ticket's account."""
    is_open = ticket.is_active and ticket.severity != Severity.CRITICAL
    return is_open and ticket.claim != Claim.DECLINED and _is_claimable(ticket, membership)


def preview_critical(*, ticket: Ticket, actor: User, now: datetime) -> Clock | None:
    """The promise that asking now would give: the first deadline ahead; raises what `ask_critical` would raise.

    It is done and taken back, so that the preview can't say anything else than the act does.
    """
    with transaction.atomic():
        ask_critical(ticket=ticket, actor=actor, facts={}, now=now)
        clocks = Clock.objects.filter(ticket=ticket, state=State.RUNNING, metric__in=RESPONSES, due_at__gte=now)
        ahead = clocks.order_by("due_at").first()
        transaction.set_rollback(True)
    return ahead


def _is_claimable(ticket: Ticket, membership: Membership | None) -> bool:
    """Both are designated: who asked, then, and who speaks now."""
    is_designated = membership is not None and membership.is_designated
    return is_designated and ticket.requester_role == RequesterRole.DESIGNATED and ticket.channel == Channel.EMAIL


def _check_raise(ticket: Ticket) -> None:
    if not ticket.is_active:
        raise Refused(_("Only an open ticket can become business critical."))
    if ticket.severity == Severity.CRITICAL:
        raise Refused(_("This ticket is business critical already."))


def _raise(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime, reason: str) -> None:
    ticket.severity = Severity.CRITICAL
    before = {clock.pk for clock in clocks if clock.breached_at}
    _rechoose(ticket, clocks, actor=actor, now=now, reason="raised to critical")
    for clock in clocks:
        if clock.breached_at and clock.pk not in before and not clock.cause:
            clock.cause = BreachCause.LATE_RECLASSIFICATION
            clock.save(update_fields=["cause"])
    happened(ticket, TicketEvent.Kind.RAISED, now, actor, reason=reason, claim=ticket.claim).save()
    touch(ticket, now, *JUDGED, "claim_facts")
    post(mails.judgement(ticket=ticket, clock=_first_response(ticket), author=actor, now=now))


def _first_response(ticket: Ticket) -> Clock | None:
    return ticket.clocks.filter(metric=Metric.FIRST_RESPONSE).order_by("-cycle").first()


def _rechoose(ticket: Ticket, clocks: list[Clock], *, actor: User, now: datetime, reason: str) -> None:
    """Move the unanswered clocks to the targets of the severity now in force, by the policies of the ticket's own day.

    What kind of promise a clock carries never changes, so that a guarantee stays where only an aim would follow.
    """
    version = sla.choose_policy(facts_of(ticket), as_of=ticket.created_at)
    if version is None:
        return
    ticket.policy_version = version
    for clock in clocks:
        terms = version.terms.target(Metric(clock.metric))
        if terms is None or (clock.is_guaranteed and terms.promise != Promise.GUARANTEED):
            continue
        calendar = ticket.calendar_version if terms.hours == Hours.BUSINESS else None
        target = clock.folded().promised_target
        if (target, clock.calendar_version) == (terms.target, calendar):
            continue
        promised = sla.promised(terms=terms, version=version, calendar_version=ticket.calendar_version, now=now)
        sla.retarget(clock, promised=promised, now=now, actor=actor, owner_id=ticket.owner_id, reason=reason)
