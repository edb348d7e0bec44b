"""Requests to providers: bounded in time and size, never redirected, tried again only where that is harmless.

Providers are named by the operator, so they may live in a private network, and the proxies of the environment are used.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final

import httpx
import msgspec

from homeport.kit.trust import trusted

SECONDS = 5.0
MOST_BYTES: Final = 1024 * 1024
_TRIES: Final = 2
_PAUSE: Final = 0.2
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})


class Answer(msgspec.Struct, frozen=True):
    """What a provider answered: its status, the kind of its body, the body, its headers (names in small letters)."""

    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str] = {}

    @property
    def is_success(self) -> bool:
        """Whether the provider did what it was asked."""
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object. Raises CallFailed when it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise CallFailed("the answer is not JSON") from None
        if not isinstance(found, dict):
            raise CallFailed("the answer is not a JSON object")
        return found

    def values(self) -> Any:
        """Return the body as any JSON. Raises CallFailed when it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise CallFailed("the answer is not JSON") from None


class CallFailed(Exception):
    """There was no usable answer. The text is for logs and programs. `was_sent`: the provider may have acted upon it."""

    def __init__(self, reason: str, *, was_sent: bool = True) -> None:
        super().__init__(reason)
        self.was_sent = was_sent


async def call(
    method: str,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    most_bytes: int = MOST_BYTES,
    seconds: float | None = None,
) -> Answer:
    """Ask a provider. A GET that failed on its way, or upon a passing trouble of the provider, is tried once more.

    Raises CallFailed; a status of failure is an answer.
    """
    patience = SECONDS if seconds is None else seconds
    try:
        async with asyncio.timeout(patience):
            return await _call(method, url, form, dict(headers or {}), most_bytes)
    except TimeoutError:
        raise CallFailed(f"no answer within {patience:g} seconds") from None


async def _call(
    method: str, url: str, form: Mapping[str, str] | None, headers: dict[str, str], most_bytes: int
) -> Answer:
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Homeport", **headers}
    tries = _TRIES if method == "GET" else 1
    try:
        trust = trusted(os.environ.get("SSL_CERT_FILE", ""))
    except OSError as error:
        raise CallFailed(f"SSL_CERT_FILE cannot be used: {error}", was_sent=False) from error
    async with httpx.AsyncClient(verify=trust, follow_redirects=False, timeout=SECONDS) as client:
        for number in range(1, tries + 1):
            try:
                request = client.build_request(method, url, data=form, headers=sent)
                answer = await _answer(client, request, most_bytes)
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                if number == tries:
                    was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.InvalidURL)
                    raise CallFailed(f"{type(error).__name__}: {error}", was_sent=was_sent) from error
            else:
                if answer.status not in _RETRIED or number == tries:
                    return answer
            # Real time: what we wait for is another machine.
            await asyncio.sleep(_PAUSE)
    raise AssertionError("unreachable")


async def _answer(client: httpx.AsyncClient, request: httpx.Request, most_bytes: int) -> Answer:
    response = await client.send(request, stream=True)
    try:
        if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise CallFailed("the answer is compressed, which was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise CallFailed(f"the answer has more than {most_bytes} bytes")
    finally:
        await response.aclose()
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, kind, bytes(body), headers)
