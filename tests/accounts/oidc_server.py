"""An OpenID provider on this machine: discovery, authorization with PKCE, tokens signed with RS256, and its keys."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CLIENT_ID, SECRET = "portal-client", "portal-secret"


class Provider:
    """`claims` is what it says of whoever signs in; `change` edits the whole token; `key` signs it."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = self.called = f"http://127.0.0.1:{self.server.server_port}"
        self.claims: dict[str, Any] = {}
        self.change: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.key, self.algorithm, self.kid, self.is_down = KEY, "RS256", "one", False
        self.codes: dict[str, dict[str, str]] = {}
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, path: str, query: dict[str, str], body: dict[str, str]) -> tuple[int, dict[str, str] | str]:
        if self.is_down:
            return 503, {}
        return {
            "/.well-known/openid-configuration": self._discovery,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": lambda _query, _body: (200, self.userinfo),
            "/keys": self._keys,
        }[path](query, body)

    def _discovery(self, _query: Any, _body: Any) -> tuple[int, Any]:
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{self.issuer}/{path}" for name, path in (names | {"userinfo_endpoint": "userinfo"}).items()}
        return 200, found | {"issuer": self.called, "token_endpoint_auth_methods_supported": ["client_secret_post"]}

    def _authorize(self, query: dict[str, str], _body: Any) -> tuple[int, Any]:
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(12)
        self.codes[code] = query
        return 302, f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _token(self, _query: Any, body: dict[str, str]) -> tuple[int, Any]:
        asked = self.codes.pop(body["code"], None)
        if asked is None or body["client_secret"] != SECRET or body["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(body["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        token = {"iss": self.called, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token |= self.claims | self.change
        headers = {"kid": self.kid} if self.kid else {}
        signed = jwt.encode(token, self.key, algorithm=self.algorithm, headers=headers)
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": signed}

    def _keys(self, _query: Any, _body: Any) -> tuple[int, Any]:
        public = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
        return 200, {"keys": [public | {"kid": "one", "alg": "RS256", "use": "sig"}]}


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            status, said = provider.answer(address.path, query, body)
            self.send_response(status)
            if isinstance(said, str):
                self.send_header("Location", said)
                self.end_headers()
                return
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
