"""Twilio's protocol on this machine: an HTTP server that takes calls, tells of them and ends them, and its reports."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from django.test import Client
from django.urls import reverse

from helpdesk.channels.callback.dialling import report_address

ACCOUNT, TOKEN = "AC0123456789abcdef0123456789abcdef", "secret-token"


class Exchange(ThreadingHTTPServer):
    """Takes calls as Twilio does, and can be told to break off."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Switchboard)
        self.calls: list[dict] = []
        self.ended: list[str] = []  # sids, as often as somebody ended them
        self.tells = 201  # 0: takes the call, and hangs up before it answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Switchboard(BaseHTTPRequestHandler):
    server: Exchange

    def log_message(self, *_args) -> None:
        pass

    def _is_allowed(self) -> bool:
        expected = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        return self.headers["Authorization"] == expected

    def do_POST(self) -> None:
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if not self._is_allowed() or not self.path.startswith(f"/2010-04-01/Accounts/{ACCOUNT}/Calls"):
            self._answer(401, {"code": 20003, "message": "Authenticate"})
        elif self.path != f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json":
            self._end(self.path.rpartition("/")[2].removesuffix(".json"), fields)
        elif self.server.tells == 400:
            self._answer(400, {"code": 21211, "message": "Invalid 'To' Phone Number"})
        elif self.server.tells in (429, 503):
            self._answer(self.server.tells, {"message": HTTPStatus(self.server.tells).phrase})
        else:
            row = {
                "sid": f"CA{len(self.server.calls):032d}",
                "status": "queued",
                "date_created": format_datetime(datetime(2026, 11, 24, 12, 6, tzinfo=UTC)),
                "fields": fields,
            }
            self.server.calls.append(row)
            if self.server.tells == 0:
                self.close_connection = True
                return
            self._answer(201, row)

    def _end(self, sid: str, fields: dict) -> None:
        """Twilio ends a call that waits or rings, and refuses one that is over."""
        row = next((row for row in self.server.calls if row["sid"] == sid), None)
        if self.server.tells in (429, 503):
            self._answer(self.server.tells, {"message": HTTPStatus(self.server.tells).phrase})
        elif row is None or fields != {"Status": ["canceled"]}:
            self._answer(404, {"code": 20404, "message": "The requested resource was not found"})
        elif row["status"] in ("completed", "canceled"):
            self._answer(400, {"code": 21220, "message": "Call is not in-progress. Cannot redirect."})
        else:
            self.server.ended.append(sid)
            row["status"] = "canceled"
            self._answer(200, row)

    def do_GET(self) -> None:
        wanted = parse_qs(urlsplit(self.path).query)
        found = [row for row in self.server.calls if row["fields"]["To"] == wanted["To"]]
        self._answer(200 if self._is_allowed() else 401, {"calls": found})

    def _answer(self, status: int, body: dict) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def signed(attempt, token=TOKEN, **fields):
    address = report_address(attempt)
    said = address + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.new(token.encode(), said.encode(), hashlib.sha1).digest()).decode()
    path = reverse("callback_report", args=[attempt.token])
    return Client(enforce_csrf_checks=True).post(path, fields, headers={"X-Twilio-Signature": signature})


def report(attempt, status):
    return signed(attempt, CallSid="CA" + "0" * 32, CallStatus=status, To=attempt.number).status_code
