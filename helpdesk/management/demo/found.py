"""What the demonstration's tickets are found by and answered with: words, tags, views, canned replies, macros."""

from datetime import datetime

from django.db import connection

from helpdesk.accounts.models import Team, User
from helpdesk.tickets.models import CannedReply, Macro, SearchText, Status, Tag, Ticket
from helpdesk.tickets.services.saved_views import save_view
from helpdesk.tickets.services.searching import write_words

CHUNK = 2000
# Tags, by what the subject of an open ticket says.
TAGS = {
    "outage": "error|fail|stopp|down|reject|できません|停止",
    "imports": "import|csv|duplicate|twice",
    "e-mail": "mail|send|domain|unsubscribe|メール",
    "reports": "report|forecast|score|audience|レポート",
    "permissions": "permission|access|sign|権限",
    "how-to": "how|recommend|archive|方法",
}
TAG = """
    INSERT INTO helpdesk_ticket_tags (ticket_id, tag_id)
    SELECT ticket.id, %s FROM helpdesk_ticket AS ticket
     WHERE ticket.status IN ('new', 'open', 'waiting') AND ticket.subject ~* %s
     ORDER BY ticket.id
"""


def bring_words(*, bulk: bool) -> None:
    """The words of every ticket. With `bulk` the index is made after them, which is many times faster."""
    if bulk:
        with connection.schema_editor() as editor:
            for index in SearchText._meta.indexes:
                editor.remove_index(SearchText, index)
    ids = list(Ticket.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        write_words(ids[start : start + CHUNK])
    if bulk:
        with connection.schema_editor() as editor:
            for index in SearchText._meta.indexes:
                editor.add_index(SearchText, index)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {SearchText._meta.db_table}")


def bring_tags() -> None:
    """A few tags on the tickets that are open: as if somebody had put them on when they came in."""
    tags = [Tag.objects.create(name=name) for name in TAGS]
    with connection.cursor() as cursor:
        for tag in tags:
            cursor.execute(TAG, [tag.pk, TAGS[tag.name]])


def bring_views(*, now: datetime) -> None:
    """A view that everybody sees, and two of Anna's."""
    anna, helen = (User.objects.get(email=f"{name}@premium.example") for name in ("anna", "helen"))
    guaranteed = {"view": "unassigned", "promise": "guaranteed"}
    save_view(name="Guarantees without owner", params=guaranteed, columns=(), actor=helen, everybody=True, now=now)
    save_view(name="Kestrel", params={"view": "open", "q": "kestrel"}, columns=(), actor=anna, now=now)
    columns = ("account", "hub", "severity", "status", "owner", "updated")
    save_view(name="日本語のチケット", params={"view": "open", "q": "の"}, columns=columns, actor=anna, now=now)


CANNED = [
    (
        "Ask for steps",
        "steps",
        "en",
        "Hello {{ requester.first_name }},\n\nthank you for {{ ticket.reference }}. So that we can see it ourselves, "
        "please send us:\n\n- what you did, step by step\n- what you saw, and what you expected\n- when it happened, "
        "with the time zone\n\nBest regards,\n{{ agent.name }}",
    ),
    (
        "Fixed, please check",
        "fixed",
        "en",
        "Hello {{ requester.first_name }},\n\nthis is mended since a few minutes ago. Would you check it on your side, "
        "please?\n\nBest regards,\n{{ agent.name }}",
    ),
    (
        "確認中のご連絡",
        "kakunin",
        "ja",
        "{{ requester.name }}様\n\nお問い合わせ（{{ ticket.reference }}）を確認しております。{{ due }}までに"
        "ご連絡いたします。\n\n{{ agent.name }}",
    ),
]


def bring_shortcuts(*, now: datetime) -> None:
    """Canned replies for everybody, one of Anna's own, and two macros."""
    anna, helen = (User.objects.get(email=f"{name}@premium.example") for name in ("anna", "helen"))
    CannedReply.objects.bulk_create(
        CannedReply(name=name, shortcut=shortcut, language=language, body=body, created_by=helen)
        for name, shortcut, language, body in CANNED
    )
    CannedReply.objects.create(
        name="Sync window",
        shortcut="sync",
        body="The next sync runs at the full hour. Please tell me if the records are still missing after it.",
        owner=anna,
        created_by=anna,
        used=12,
        last_used_at=now,
    )
    crm = Team.objects.get(name="CRM and Data")
    ask = [{"do": "reply", "body": CANNED[0][3]}, {"do": "status", "status": Status.WAITING}]
    give = [{"do": "assign", "owner": None, "team": crm.pk}, {"do": "note", "body": "Data was overwritten: for CRM."}]
    Macro.objects.create(name="Ask for steps, then wait", acts=ask, created_by=helen)
    Macro.objects.create(name="Hand to CRM and Data", acts=give, created_by=helen)
