"""A GitHub on loopback: stands in for github.com and for Enterprise hosts, as far as signing in needs them, over real HTTP.

People, their organizations and teams are made by the test, which also decides who sits before the browser, what happens to
device codes, and which answers fail, wait or are too long. Its rules are those of GitHub's documentation: answers about tokens have
status 200 also when they are errors, codes count once, PKCE is held to where a challenge was sent, lists have pages.
"""

import hashlib
import html
import http.server
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

API = "/api/v3"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_ID = "Iv1.homeport"
CLIENT_SECRET = "the-secret-of-the-application"
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_WRONG_CODE = {
    "error": "bad_verification_code",
    "error_description": "The code passed is incorrect or expired.",
    "error_uri": "https://docs.github.example/apps#bad-verification-code",
}


@dataclass
class Account:
    """Somebody at GitHub. `organizations` and `teams` (organization/slug) hold the state of each membership."""

    id: int
    login: str
    name: str | None = None
    avatar_url: str = ""
    emails: list[dict[str, Any]] = field(default_factory=list)
    organizations: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)


@dataclass
class Device:
    """A device code that waits for somebody."""

    user_code: str
    interval: int
    account: Account | None = None
    error: str = ""
    polled_at: float = 0.0
    polls: int = 0


@dataclass
class Trouble:
    """What goes wrong with requests of one path: another answer, or a wait before the right one."""

    path: str
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    times: int = 1_000_000


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]


class GitHub:
    """See the module. `url` is the host's address; its API is at /api/v3, as on Enterprise hosts."""

    def __init__(self) -> None:
        self.url = ""
        self.accounts: list[Account] = []
        self.seen: list[Seen] = []
        self.troubles: list[Trouble] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, Account] = {}
        self.refresh_tokens: dict[str, Account] = {}
        self.devices: dict[str, Device] = {}
        self.interval = 5
        self.expires_in = 900
        # Slow clients are told to wait longer only where the test wants to see it: the others need no real seconds.
        self.keeps_pace = False
        # Answers of the next polls of devices, before what became of the code counts.
        self.next_polls: list[str] = []
        self.verification_uri = ""
        self.answers_forms = False
        self.token_seconds = 0
        self.before: Account | None = None
        self.asks = False

    def person(self, login: str = "ada", *, id: int | None = None, email: str = "", **more: Any) -> Account:
        """Make somebody, with a verified primary address, and let them sit before the browser."""
        addresses = [{"email": email or f"{login}@corp.test", "primary": True, "verified": True, "visibility": None}]
        made = Account(
            id=len(self.accounts) + 1001 if id is None else id,
            login=login,
            emails=more.pop("emails", addresses),
            avatar_url=f"https://avatars.example/{login}.png",
            **more,
        )
        self.accounts.append(made)
        self.before = made
        return made

    def approve(self, account: Account, device: Device | None = None) -> None:
        """Let somebody type the code of a device (the last one) at GitHub."""
        (device or self.last_device).account = account

    def refuse(self, error: str, device: Device | None = None) -> None:
        """Let polls of a device code (the last one) end so: access_denied, expired_token."""
        (device or self.last_device).error = error

    @property
    def last_device(self) -> Device:
        """The device code that was asked for last."""
        return list(self.devices.values())[-1]

    def trouble(self, path: str, **more: Any) -> None:
        """Let requests of a path (below the host) go wrong."""
        self.troubles.append(Trouble(path, **more))

    def requests(self, path: str) -> list[Seen]:
        """Return the requests of a path that came so far."""
        return [seen for seen in self.seen if seen.path == path]

    def give_token(self, account: Account) -> dict[str, Any]:
        """Hand out a token, with an end and a refresh token where tokens end."""
        token = f"ghu_{secrets.token_hex(18)}"
        self.tokens[token] = account
        made: dict[str, Any] = {"access_token": token, "token_type": "bearer", "scope": "read:org,user:email"}
        if self.token_seconds:
            refresh = f"ghr_{secrets.token_hex(30)}"
            self.refresh_tokens[refresh] = account
            made |= {"expires_in": self.token_seconds, "refresh_token": refresh, "refresh_token_expires_in": 15_897_600}
        return made


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    github: GitHub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length).decode()
        if self.headers.get_content_type() == "application/json":
            self.form = {name: str(value) for name, value in json.loads(body or "{}").items()}
        else:
            self.form = dict(parse_qsl(body, keep_blank_values=True))
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.github.seen.append(Seen(self.command, parts.path, self.query, self.form, headers))
        if not self._in_trouble(parts.path):
            self._route(parts.path)

    def _in_trouble(self, path: str) -> bool:
        for trouble in self.github.troubles:
            if trouble.path == path and trouble.times > 0:
                trouble.times -= 1
                time.sleep(trouble.seconds)
                if trouble.status:
                    self._answer(trouble.status, trouble.body, **trouble.headers)
                return bool(trouble.status)
        return False

    def _route(self, path: str) -> None:
        if path == "/login/oauth/authorize":
            self._authorize()
        elif (self.command, path) == ("POST", "/login/oauth/access_token"):
            found = self._device_token() if self.form.get("grant_type") == DEVICE_GRANT else self._token()
            self._tell(found)
        elif (self.command, path) == ("POST", "/login/device/code"):
            self._device_code()
        elif path == "/login/device":
            self._device_page()
        elif path.startswith(f"{API}/"):
            self._api(path.removeprefix(API))
        else:
            self._answer(404, {"message": "Not Found"})

    # The pages of people

    def _authorize(self) -> None:
        github, query = self.github, self.query
        if query.get("client_id") != CLIENT_ID or github.before is None:
            self._answer(404, {"message": "Not Found"})
            return
        given = {name: query.get(name, "") for name in ("redirect_uri", "code_challenge", "code_challenge_method")}
        code = secrets.token_hex(10)
        github.codes[code] = {**given, "login": github.before.login}
        target = query.get("redirect_uri", "")
        yes = f"{target}?{urlencode({'code': code, 'state': query.get('state', '')})}"
        denied = {
            "error": "access_denied",
            "error_description": "The user has denied your application access.",
            "error_uri": "https://docs.github.example/apps#access-denied",
            "state": query.get("state", ""),
        }
        if not github.asks:
            self._send(302, "text/html", b"", location=yes)
            return
        links = f'<a href="{html.escape(yes)}">Authorize</a> <a href="{html.escape(f"{target}?{urlencode(denied)}")}">Cancel</a>'
        self._page(f"<h1>Authorize Homeport</h1><p>{html.escape(github.before.login)}</p>{links}")

    def _device_page(self) -> None:
        typed = self.form.get("user_code", "")
        found = [device for device in self.github.devices.values() if device.user_code == typed]
        if self.command == "POST" and found and self.github.before is not None:
            if self.form.get("answer") == "cancel":
                self.github.refuse("access_denied", found[0])
            else:
                self.github.approve(self.github.before, found[0])
            self._page("<h1>Congratulations, you're all set!</h1>")
            return
        field_ = '<label>Code <input name="user_code"></label>'
        buttons = (
            '<button name="answer" value="yes">Continue</button> <button name="answer" value="cancel">Cancel</button>'
        )
        self._page(f'<h1>Device Activation</h1><form method="post">{field_} {buttons}</form>')

    # Tokens

    def _token(self) -> dict[str, Any]:
        github, form = self.github, self.form
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != CLIENT_SECRET:
            return _error("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
        if form.get("grant_type") == "refresh_token":
            account = github.refresh_tokens.pop(form.get("refresh_token", ""), None)
            return (
                github.give_token(account) if account else _error("bad_refresh_token", "The refresh token is invalid.")
            )
        asked = github.codes.pop(form.get("code", ""), None)
        if asked is None:
            return _WRONG_CODE
        if form.get("redirect_uri", asked["redirect_uri"]) != asked["redirect_uri"]:
            return _error("redirect_uri_mismatch", "The redirect_uri MUST match.")
        if asked["code_challenge"] and asked["code_challenge"] != _challenge(form.get("code_verifier", "")):
            return _WRONG_CODE
        return github.give_token(self._named(asked["login"]))

    def _device_code(self) -> None:
        github = self.github
        if self.form.get("client_id") != CLIENT_ID:
            self._tell({"error": "Not Found"}, status=404)
            return
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        device = Device(f"{letters[:4]}-{letters[4:]}", github.interval, polled_at=time.monotonic())
        code = secrets.token_hex(20)
        github.devices[code] = device
        self._tell(
            {
                "device_code": code,
                "user_code": device.user_code,
                "verification_uri": github.verification_uri or f"{github.url}/login/device",
                "expires_in": github.expires_in,
                "interval": device.interval,
            }
        )

    def _device_token(self) -> dict[str, Any]:
        github, device = self.github, self.github.devices.get(self.form.get("device_code", ""))
        if self.form.get("client_id") != CLIENT_ID:
            return _error("incorrect_client_credentials", "The client_id passed is incorrect.")
        if device is None:
            return _error("incorrect_device_code", "The device_code provided is not valid.")
        device.polls += 1
        waited, device.polled_at = time.monotonic() - device.polled_at, time.monotonic()
        if github.next_polls:
            return self._scripted(device, github.next_polls.pop(0))
        if github.keeps_pace and waited < device.interval:
            return self._scripted(device, "slow_down")
        if device.error:
            return _error(device.error, f"What became of the code: {device.error}.")
        if device.account is None:
            return _error("authorization_pending", "The authorization request is still pending.")
        del github.devices[self.form["device_code"]]
        return github.give_token(device.account)

    @staticmethod
    def _scripted(device: Device, error: str) -> dict[str, Any]:
        found = _error(error, f"The test says {error}.")
        if error == "slow_down":
            device.interval += 5
            found["interval"] = device.interval
        return found

    # The API

    def _api(self, path: str) -> None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        account = self.github.tokens.get(token)
        if scheme.lower() not in {"bearer", "token"} or account is None:
            self._answer(401, {"message": "Bad credentials"})
            return
        if path == "/user":
            shown = {"id": account.id, "login": account.login, "name": account.name, "avatar_url": account.avatar_url}
            self._answer(200, {**shown, "email": None, "type": "User"})
        elif path == "/user/emails":
            self._list(account.emails)
        elif path == "/user/memberships/orgs":
            wanted = self.query.get("state", "")
            found = [
                {"state": state, "role": "member", "organization": {"login": name, "id": 1}}
                for name, state in account.organizations.items()
                if wanted in {"", state}
            ]
            self._list(found)
        else:
            self._team(path, account)

    def _team(self, path: str, account: Account) -> None:
        """Answer /orgs/{org}/teams/{slug}/memberships/{login}: people see the teams of organizations that they are in."""
        parts = path.strip("/").split("/")
        if len(parts) != 6 or (parts[0], parts[2], parts[4]) != ("orgs", "teams", "memberships"):
            self._answer(404, {"message": "Not Found"})
            return
        organization, slug, login = parts[1], parts[3], parts[5]
        teams = {name.lower(): state for name, state in account.teams.items()}
        state = teams.get(f"{organization}/{slug}".lower())
        is_in = {name.lower(): state for name, state in account.organizations.items()}.get(
            organization.lower()
        ) == "active"
        if state is None or not is_in or login.lower() != account.login.lower():
            self._answer(404, {"message": "Not Found"})
            return
        self._answer(200, {"url": f"{self.github.url}{API}{path}", "role": "member", "state": state})

    def _list(self, found: list[dict[str, Any]]) -> None:
        size, page = min(int(self.query.get("per_page", "30")), 100), int(self.query.get("page", "1"))
        shown = found[(page - 1) * size : page * size]
        more: dict[str, str] = {}
        if page * size < len(found):
            query = urlencode({**self.query, "page": str(page + 1)})
            more["link"] = f'<{self.github.url}{urlsplit(self.path).path}?{query}>; rel="next"'
        self._answer(200, shown, **more)

    # Answers

    def _named(self, login: str) -> Account:
        return next(account for account in self.github.accounts if account.login == login)

    def _tell(self, found: dict[str, Any], status: int = 200) -> None:
        """Answer about tokens and codes: a form, unless JSON is asked for; and a form in any case from hosts of old."""
        if self.github.answers_forms or "application/json" not in self.headers.get("accept", ""):
            self._send(status, "application/x-www-form-urlencoded; charset=utf-8", urlencode(found).encode())
        else:
            self._answer(status, found)

    def _page(self, content: str) -> None:
        text = f'<!doctype html><html lang="en"><title>GitHub</title><body>{content}</body></html>'
        self._send(200, "text/html; charset=utf-8", text.encode())

    def _answer(self, status: int, found: Any, **headers: str) -> None:
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self._send(status, "application/json; charset=utf-8", body, **headers)

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        # Whoever has lost patience is gone by now.
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True


@contextmanager
def running_github() -> Iterator[GitHub]:
    """Run a GitHub on loopback."""
    github = GitHub()
    handler = type("_Bound", (_Handler,), {"github": github})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    github.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()


def settings_of(github: GitHub, **more: str) -> dict[str, str]:
    """Return the settings that make a server sign people in by this GitHub; everybody may, unless told otherwise."""
    chosen = {
        "OAUTH2_GITHUB_CLIENT_ID": CLIENT_ID,
        "OAUTH2_GITHUB_CLIENT_SECRET": CLIENT_SECRET,
        "OAUTH2_GITHUB_ENTERPRISE_BASE_URL": github.url,
        "OAUTH2_GITHUB_ALLOW_SIGNUPS": "true",
    }
    if "OAUTH2_GITHUB_ALLOWED_ORGS" not in more:
        chosen["OAUTH2_GITHUB_ALLOW_EVERYONE"] = "true"
    return {**chosen, **more}


def _error(code: str, words: str) -> dict[str, Any]:
    return {"error": code, "error_description": words, "error_uri": "https://docs.github.example/apps"}


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
