"""Where personal data live, what an erasure does with them, and why (SPEC 2.9, decisions 23 and 39).

Every column of every table that can hold a text, an address, a number or a file stands here once:
`tests/privacy/test_places.py` fails for one that doesn't, and finds whether an erasure does what is said.
A reference to a person is no such column: it stays, and what it points at has no name any more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Fate(Enum):
    """What an erasure does with what a column holds about the person."""

    REPLACED = "replaced by a pseudonym"
    DELETED = "deleted, with its row or alone"
    STRUCK = "name and addresses are struck out; the rest stays"
    REMADE = "made again from what is left"
    KEPT = "stays: it is the account's conversation, or evidence of what was promised"
    RUNS_OUT = "goes by itself, within the time that is said"
    NOBODY = "holds nothing about a person"


@dataclass(frozen=True, slots=True)
class Place:
    """Columns with one fate; `why` is for the people who ask."""

    fate: Fate
    why: str
    columns: dict[str, str]  # by model, separated by blanks

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return ((model, column) for model, names in self.columns.items() for column in names.split())


PLACES = (
    # --- Who somebody is -----------------------------------------------------------------------------
    Place(
        Fate.REPLACED,
        "The row stays, as what others wrote points at it; it says who it was no more.",
        {
            "helpdesk.User": "email full_name password language time_zone staff_role mail_about queue_columns",
            "helpdesk.Invitation": "email",
            "helpdesk.AccountEvent": "email",
        },
    ),
    Place(
        Fate.DELETED,
        "Ways in and devices: nobody signs in as this person any more.",
        {
            "account.EmailAddress": "email",
            "account.EmailConfirmation": "key",
            "mfa.Authenticator": "type data",
            "socialaccount.SocialAccount": "provider uid extra_data",
            "socialaccount.SocialToken": "token token_secret",
            "usersessions.UserSession": "ip session_key user_agent data",
        },
    ),
    Place(
        Fate.DELETED,
        "Earlier names and addresses are kept for this one purpose: to be found and erased with the rest.",
        {"helpdesk.PastIdentity": "kind value"},
    ),
    # --- What was kept for the person alone ----------------------------------------------------------
    Place(
        Fate.DELETED,
        "Not sent, or for nobody else: forms, replies, their files; questions, views and templates of one's own.",
        {
            "helpdesk.FormDraft": "key values tab",
            "helpdesk.Draft": "kind body status submission refused",
            "helpdesk.Consultation": "question",
            "helpdesk.SavedView": "name params columns",
            "helpdesk.CannedReply": "name shortcut body language",
            "helpdesk.Macro": "name acts",
            "helpdesk.Absence": "note",
        },
    ),
    Place(Fate.DELETED, "Copies of the person's data.", {"helpdesk.DataExport": "file"}),
    Place(
        Fate.DELETED,
        "Calls that wait are cancelled; of those that were made stays that they were.",
        {"helpdesk.CallRequest": "number", "helpdesk.CallAttempt": "number last_error"},
    ),
    # --- What was told -------------------------------------------------------------------------------
    Place(
        Fate.DELETED,
        "Mails and notices to the person: what waits is not sent; of what was sent stays that it was.",
        {"helpdesk.OutboxMail": "to context last_error", "helpdesk.Notice": "context"},
    ),
    Place(
        Fate.STRUCK,
        "Addresses among those of other people, and names in what others did or were told.",
        {
            "helpdesk.OutboxMail": "cc",
            "helpdesk.Ticket": "cc",
            "helpdesk.TicketEvent": "data",
            "helpdesk.BulkAct": "outcomes",
            "admin.LogEntry": "object_repr change_message",
        },
    ),
    Place(
        Fate.REMADE,
        "A ticket is found by its requester's name: not by one that is gone.",
        {"helpdesk.SearchText": "words"},
    ),
    # --- What stays ----------------------------------------------------------------------------------
    Place(
        Fate.KEPT,
        "The conversation of a customer company with its supplier, on the ground of their contract. It no longer says "
        "who wrote it; a text that names somebody itself is for a super admin or a specialist to take out.",
        {
            "helpdesk.Ticket": "subject claim_reason claim_facts custom_values",
            "helpdesk.Message": "body",
            "helpdesk.Attachment": "name file",
            "helpdesk.Rating": "comment",
            "helpdesk.ManagerRequest": "reason answer",
            "helpdesk.CallAttempt": "note",
            "helpdesk.TimeEntry": "note",
            "helpdesk.InboundMessage": "payload",
        },
    ),
    Place(
        Fate.KEPT,
        "Evidence of what was promised and how it was kept: people stand in it by their numbers, reasons in words.",
        {
            "helpdesk.ClockEvent": "data",
            "helpdesk.Clock": "cause_note pauses exempted gross_basis",
            "helpdesk.ClockException": "evidence decision_note",
            "helpdesk.Escalation": "told skipped acts",
            "helpdesk.ManagerRequest": "told skipped",
            "helpdesk.BulkAct": "reason values",
            "helpdesk.Message": "mentioned",
            "helpdesk.Statement": "document digest signature public_key",
            "helpdesk.PolicyVersion": "note",
            "helpdesk.CalendarVersion": "note",
            "helpdesk.Rollout": "reason",
        },
    ),
    Place(
        Fate.KEPT,
        "What the service publishes: its staff's texts, in the company's name.",
        {"helpdesk.Revision": "title summary body title_words words"},
    ),
    # --- What goes by itself -------------------------------------------------------------------------
    Place(
        Fate.RUNS_OUT,
        "The sessions that the person was signed in with are deleted. One that met the login before may hold what was "
        "typed, until it runs out: two weeks at most.",
        {"sessions.Session": "session_key session_data"},
    ),
    Place(
        Fate.RUNS_OUT,
        "Files of reports that went out name specialists; they are cleared away after a month.",
        {"helpdesk.ReportMail": "file"},
    ),
    # --- Nobody --------------------------------------------------------------------------------------
    Place(
        Fate.NOBODY,
        "Keys and numbers that the service makes up itself: by them nobody is found who isn't known otherwise.",
        {
            "admin.LogEntry": "object_id",
            "helpdesk.Invitation": "digest",
            "helpdesk.SpentAssertion": "digest",
            "helpdesk.Attachment": "content_type digest form_key threat",
            "helpdesk.Message": "message_id submission",
            "helpdesk.InboundMessage": "external_id",
            "helpdesk.Ticket": "entitlement language reply_token",
            "helpdesk.BulkAct": "kind submission",
            "helpdesk.CallRequest": "submission time_zone",
            "helpdesk.CallAttempt": "token provider_id progress",
            "helpdesk.Consultation": "key shown read",
            "helpdesk.OutboxMail": "key message_id reply_to in_reply_to about template language time_zone",
            "helpdesk.Notice": "key kind url",
        },
    ),
    Place(
        Fate.NOBODY,
        "How the service is set up, and how it is: companies, teams, rules, words for everybody.",
        {
            "auth.Group": "name",
            "auth.Permission": "name codename",
            "contenttypes.ContentType": "app_label model",
            "socialaccount.SocialApp": "provider provider_id name client_id secret key settings",
            "helpdesk.Account": "name time_zone",
            "helpdesk.Team": "name channels",
            "helpdesk.Invitation": "language",
            "helpdesk.AccountEvent": "before after",
            "helpdesk.IdentityProvider": "name key issuer client_id secret metadata_url sso_url certificates",
            "helpdesk.ProviderDomain": "domain",
            "helpdesk.Hub": "code name",
            "helpdesk.Subscription": "channels",
            "helpdesk.Calendar": "name draft",
            "helpdesk.CalendarVersion": "definition day_names",
            "helpdesk.Policy": "name draft",
            "helpdesk.PolicyVersion": "document",
            "helpdesk.DryRun": "name zone digest document typed figures names cuts",
            "helpdesk.DryRunRow": "changes promise promise_then target target_then verdict verdict_then",
            "helpdesk.ExceptionCode": "code name name_ja explanation explanation_ja effects",
            "helpdesk.Tag": "name",
            "helpdesk.CustomField": "code label label_ja choices",
            "helpdesk.Section": "slug name name_ja",
            "helpdesk.Article": "slug",
            "helpdesk.Heartbeat": "name detail",
            "helpdesk.Alarm": "name detail",
            "helpdesk.ReportSchedule": "name query time_zone failure",
        },
    ),
)


def fates() -> dict[tuple[str, str], Fate]:
    """By model (`app.Model`) and column."""
    return {column: place.fate for place in PLACES for column in place}
