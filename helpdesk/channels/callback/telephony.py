"""The providers that dial for a specialist: an interface, and Twilio's Voice API behind it (decision 22).

A provider calls the customer; who answers is put through to the desk of the operator's specialists. Its
reports come back to an address that names the attempt, signed.
"""

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Protocol
from xml.sax.saxutils import escape

from django.conf import settings

TIMEOUT = 10  # seconds
RING = 30  # seconds


class NotDialled(Exception):
    """The provider did not take the call, and says so; the text is its own."""


class Unclear(Exception):
    """Nobody knows whether it took the call: the network, or the provider, broke off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A call that the provider has."""

    provider_id: str


class Provider(Protocol):
    """What a telephony provider has to do."""

    def place(self, *, number: str, report_to: str) -> Placed:
        """Call a number (E.164). NotDialled where it refuses, Unclear where nobody knows."""

    def find(self, *, number: str, since: datetime, known: Sequence[str]) -> Placed | None:
        """A call to the number that the provider began at `since` or later and that is none of the `known` ones."""

    def hang_up(self, *, provider_id: str) -> None:
        """End a call that waits or rings, and none in which somebody speaks. NotDialled where there is nothing to
        hang up any more, Unclear where nobody knows."""

    def is_genuine(self, *, url: str, values: Mapping[str, Sequence[str]], signature: str) -> bool:
        """Whether a report comes from the provider."""


def provider() -> Provider | None:
    """The provider that is set up; None: specialists dial themselves."""
    if settings.TELEPHONY != "twilio":
        return None
    return Twilio(
        url=settings.TWILIO_URL,
        account=settings.TWILIO_ACCOUNT_SID,
        token=settings.TWILIO_AUTH_TOKEN,
        caller=settings.TWILIO_FROM,
        desk=settings.TWILIO_DESK,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    """Twilio Programmable Voice: `POST /2010-04-01/Accounts/{sid}/Calls.json`, basic authentication."""

    url: str
    account: str
    token: str
    caller: str
    desk: str

    def place(self, *, number: str, report_to: str) -> Placed:
        fields = [
            ("To", number),
            ("From", self.caller),
            ("Twiml", self._instructions()),
            ("Timeout", str(RING)),
            ("StatusCallback", report_to),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", name) for name in ("initiated", "ringing", "answered", "completed")),
        ]
        answer = self._send("Calls.json", urllib.parse.urlencode(fields).encode())
        if not isinstance(answer.get("sid"), str):
            raise Unclear("an answer without a sid")
        return Placed(provider_id=answer["sid"])

    def find(self, *, number: str, since: datetime, known: Sequence[str]) -> Placed | None:
        query = urllib.parse.urlencode({"To": number, "From": self.caller, "PageSize": 50})
        for row in self._send(f"Calls.json?{query}").get("calls", []):
            created = row.get("date_created")  # RFC 2822, whole seconds
            if (
                created
                and row.get("sid") not in known
                and parsedate_to_datetime(created) >= since - timedelta(seconds=1)
            ):
                return Placed(provider_id=row["sid"])
        return None

    def hang_up(self, *, provider_id: str) -> None:
        # Not "completed", which would cut off who has answered since the last report (decision 37).
        path = f"Calls/{urllib.parse.quote(provider_id, safe='')}.json"
        self._send(path, urllib.parse.urlencode({"Status": "canceled"}).encode())

    def is_genuine(self, *, url: str, values: Mapping[str, Sequence[str]], signature: str) -> bool:
        """HMAC-SHA1 with the account's token over the address and the sorted fields, as base64."""
        said = url + "".join(name + value for name in sorted(values) for value in sorted(set(values[name])))
        digest = hmac.new(self.token.encode(), said.encode(), hashlib.sha1).digest()
        return bool(self.token) and hmac.compare_digest(base64.b64encode(digest).decode(), signature)

    def _instructions(self) -> str:
        """TwiML: who answers is put through to the desk."""
        kind = "Sip" if self.desk.startswith("sip:") else "Number"
        return (
            f'<Response><Dial callerId="{escape(self.caller)}"><{kind}>{escape(self.desk)}</{kind}></Dial></Response>'
        )

    def _send(self, path: str, body: bytes | None = None) -> dict:
        address = f"{self.url}/2010-04-01/Accounts/{self.account}/{path}"
        secret = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        headers = {"Authorization": f"Basic {secret}", "Accept": "application/json"}
        request = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310 - the operator's own setting
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310 - as above
                return json.loads(answer.read(1_000_000))
        except urllib.error.HTTPError as error:
            words = f"HTTP {error.code}: {_message(error)}"
            # 4xx: refused, for good; 429: later, perhaps; 5xx: it may have begun, or not.
            refused = 400 <= error.code < 500 and error.code != HTTPStatus.TOO_MANY_REQUESTS
            raise (NotDialled(words) if refused else Unclear(words)) from error
        except (OSError, ValueError) as error:
            raise Unclear(f"{type(error).__name__}: {error}") from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000)).get("message", ""))
    except (OSError, ValueError, AttributeError):
        return ""
