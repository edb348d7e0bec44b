"""Clients of the authorization server under load, in a process of their own.

`python -m benchmarks.oauth2_load KIND HOST PORT SECONDS` reads a JSON object for each connection from the standard input, a
line each, and prints one with the answers a second and the waits.
"""

import asyncio
import base64
import hashlib
import itertools
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks.load import Script, converse

CALLBACK = "https://client.example/callback"
VERIFIER = "a-verifier-of-the-benchmarks-that-is-long-enough-0123456789"
_FORM_TOKEN = re.compile(rb'name="csrf_token" value="([^"]+)"')
_CODE = re.compile(rb"[?&]code=(hp_code_[A-Za-z0-9]+_[A-Za-z0-9]+)")


@dataclass(frozen=True)
class Load:
    """What a load came to: answers a second, and the median and 99th percentile of the wait in milliseconds."""

    rate: float
    median: float
    slow: float


def put_under_load(kind: str, port: int, connections: Sequence[Mapping[str, str]], *, seconds: float) -> Load:
    """Let another process ask, a connection for each of `connections`."""
    command = [sys.executable, "-m", "benchmarks.oauth2_load", kind, "127.0.0.1", str(port), str(seconds)]
    given = "\n".join(json.dumps(dict(each)) for each in connections)
    process = subprocess.run(command, check=False, input=given, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(process.stderr[-2000:])
    return Load(**json.loads(process.stdout))


def script_of(kind: str, host: str, given: Mapping[str, str]) -> Script:
    """Return what one connection says."""
    return {
        "refresh": _refresh,
        "client_credentials": _client_credentials,
        "introspection": _introspection,
        "bearer": _bearer,
        "metadata": _metadata,
        "code": _code,
    }[kind](host, given)


def _post(host: str, path: str, fields: Mapping[str, str], *headers: str) -> bytes:
    body = urlencode(fields).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/x-www-form-urlencoded",
        f"Content-Length: {len(body)}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def _get(host: str, path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *headers, "", ""]).encode()


def _client(given: Mapping[str, str]) -> dict[str, str]:
    return {"client_id": given["client_id"], "client_secret": given["client_secret"]}


def _refresh(host: str, given: Mapping[str, str]) -> Script:
    """Each answer holds the refresh token of the next request."""

    def say(answer: bytes | None) -> bytes:
        token = given["refresh_token"] if answer is None else _json(answer)["refresh_token"]
        return _post(host, "/oauth2/tokens", {"grant_type": "refresh_token", "refresh_token": token, **_client(given)})

    return say


def _client_credentials(host: str, given: Mapping[str, str]) -> Script:
    request = _post(host, "/oauth2/tokens", {"grant_type": "client_credentials", **_client(given)})
    return lambda _: request


def _introspection(host: str, given: Mapping[str, str]) -> Script:
    request = _post(host, "/oauth2/introspect", {"token": given["access_token"], **_client(given)})

    def say(answer: bytes | None) -> bytes:
        if answer is not None and b'"active":true' not in answer:
            raise RuntimeError("the token is not active")
        return request

    return say


def _bearer(host: str, given: Mapping[str, str]) -> Script:
    request = _get(host, "/api/v2/users/me", f"Authorization: Bearer {given['access_token']}")
    return lambda _: request


def _metadata(host: str, given: Mapping[str, str]) -> Script:
    request = _get(host, given["path"])
    return lambda _: request


def _code(host: str, given: Mapping[str, str]) -> Script:
    """A whole flow in three requests: look at the question, allow, redeem the code. Then the next."""
    query = urlencode(
        {
            "response_type": "code",
            "client_id": given["client_id"],
            "redirect_uri": CALLBACK,
            "scope": "coder:workspaces.read",
            "state": "s",
            "code_challenge": _challenge(),
            "code_challenge_method": "S256",
            # Asked each time, as somebody would be whom nothing is remembered of.
            "prompt": "consent",
        }
    )
    path = f"/oauth2/authorize?{query}"
    browser = (f"Cookie: coder_session_token={given['session']}", "Accept: text/html", "Sec-Fetch-Site: same-origin")
    steps = itertools.cycle(("look", "allow", "redeem"))

    def say(answer: bytes | None) -> bytes:
        step = next(steps)
        if step == "look":
            return _get(host, path, *browser)
        assert answer is not None
        if step == "allow":
            found = _FORM_TOKEN.search(answer)
            if found is None:
                raise RuntimeError(f"no question was asked: {answer[:500]!r}")
            return _post(host, path, {"csrf_token": found[1].decode(), "decision": "allow"}, *browser)
        code = _CODE.search(answer.partition(b"\r\n\r\n")[0])
        if code is None:
            raise RuntimeError(f"no code was given: {answer[:500]!r}")
        return redemption(host, code[1].decode(), given)

    return say


def redemption(host: str, code: str, given: Mapping[str, str]) -> bytes:
    """Return the request that redeems a code."""
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    return _post(host, "/oauth2/tokens", {**fields, **_client(given)})


def _challenge() -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def race(port: int, given: Mapping[str, str], *, at_once: int) -> int:
    """Let one person allow a client once, redeem the code on many connections at once, and return how many succeed."""
    host = f"127.0.0.1:{port}"
    say = _code(host, given)
    page = await _exchange(port, say(None))
    allowed = await _exchange(port, say(page))
    request = say(allowed)
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(at_once)]
    answers = await asyncio.gather(*(_ask(reader, writer, request) for reader, writer in connections))
    statuses = [int(answer.split(b" ", 2)[1]) for answer in answers]
    if set(statuses) - {200, 400}:
        raise RuntimeError(f"unexpected answers: {statuses}")
    return statuses.count(200)


async def _exchange(port: int, request: bytes) -> bytes:
    return await _ask(*await asyncio.open_connection("127.0.0.1", port), request)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head.lower())
    body = await reader.readexactly(int(found[1])) if found else b""
    writer.close()
    return head + body


def _json(answer: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


async def _main(kind: str, host: str, port: int, seconds: float) -> None:
    scripts = [script_of(kind, f"{host}:{port}", json.loads(line)) for line in sys.stdin if line.strip()]
    rate, times = await converse(host, port, scripts, seconds=seconds)
    slow = statistics.quantiles(times, n=100)[-1]
    print(json.dumps({"rate": rate, "median": statistics.median(times) * 1e3, "slow": slow * 1e3}))


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as _runner:
        _runner.run(_main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
