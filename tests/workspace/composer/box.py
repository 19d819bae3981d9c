"""The reply box: opened, kept, sent."""

from datetime import timedelta

MINUTE = timedelta(minutes=1)
KEY = "0123456789abcdef" * 2
SCRIPT = {"HTTP_ACCEPT": "application/json"}


def url(ticket, act: str = "change") -> str:
    return f"/admin/helpdesk/ticket/{ticket.pk}/{act}/"


def page(client, ticket) -> str:
    return client.get(url(ticket)).content.decode()


def send(client, ticket, body="We are on it.", *, act="reply", **values):
    return client.post(url(ticket, act), {"kind": act, "body": body, "submission": KEY, **values})


def keep(client, ticket, body="Half a sentence", **values):
    return client.post(url(ticket, "draft"), {"kind": "reply", "body": body, **values}, **SCRIPT)


def replies(ticket) -> list[str]:
    return list(ticket.messages.filter(kind="reply").values_list("body", flat=True))
