"""Fetching a small JSON document from an address that a stranger has named, without being led anywhere else (SSRF).

The host's name is resolved once. Every address that it has must be public; the connection goes to one of those addresses and
nowhere else, while the certificate and the Host header are those of the name. No redirect is followed, nothing but 200 and
JSON counts, and both size and time are bounded. No proxy is used: it would resolve the name again.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from homeport.kit.trust import trusted
from homeport.oauth2.rules.networks import is_public

SECONDS: Final = 5.0
_MOST_AT_ONCE: Final = 32
_MOST_ADDRESSES: Final = 4
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Fetched(msgspec.Struct, frozen=True):
    """A document, and the headers it came with (names in small letters)."""

    document: Any
    headers: dict[str, str]


class FetchFailed(Exception):
    """There is no document to be had. `is_final`: the host has said so, or may never be asked; else it may work later.

    The text is for the log of the server. It is not for the stranger: it would tell what our network looks like.
    """

    def __init__(self, reason: str, *, is_final: bool) -> None:
        super().__init__(reason)
        self.is_final = is_final


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the system knows them, each once."""
    # In threads of their own: a name server that is slow on purpose must not hold up passwords and files.
    found = await asyncio.get_running_loop().run_in_executor(
        _resolvers(), lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """Fetches documents; counts those under way, so that strangers cannot make us wait for too many at once."""

    def __init__(self, resolve: Resolve = resolve_name) -> None:
        self.resolve = resolve
        self._under_way = 0

    async def fetch(self, url: str, *, most_bytes: int, may_be_private: bool = False) -> Fetched:
        """Return the JSON at an https address. `may_be_private`: the settings name this host. Raises FetchFailed."""
        if self._under_way >= _MOST_AT_ONCE:
            raise FetchFailed("too many documents are being fetched", is_final=False)
        self._under_way += 1
        try:
            async with asyncio.timeout(SECONDS):
                return await self._fetch(url, most_bytes, may_be_private=may_be_private)
        except TimeoutError:
            raise FetchFailed(f"no answer within {SECONDS:g} seconds", is_final=False) from None
        finally:
            self._under_way -= 1

    async def _fetch(self, url: str, most_bytes: int, *, may_be_private: bool) -> Fetched:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        addresses = await self._addresses(host, port, may_be_private=may_be_private)
        try:
            trust = trusted(os.environ.get("SSL_CERT_FILE", ""))
        except OSError as error:
            raise FetchFailed(f"SSL_CERT_FILE cannot be used: {error}", is_final=False) from error
        async with httpx.AsyncClient(
            verify=trust,
            follow_redirects=False,
            trust_env=False,
            timeout=SECONDS,
        ) as client:
            for position, address in enumerate(addresses, start=1):
                request = _request(client, address, host=host, port=port, path=parts.path)
                try:
                    return await _answer(client, request, most_bytes)
                except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                    if position == len(addresses):
                        raise FetchFailed(f"cannot connect: {error}", is_final=False) from error
                except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
                    raise FetchFailed(f"{type(error).__name__}: {error}", is_final=False) from error
        raise FetchFailed("the host has no address", is_final=False)

    async def _addresses(self, host: str, port: int, *, may_be_private: bool) -> Sequence[str]:
        try:
            found = await self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(f"the host cannot be resolved: {error}", is_final=False) from error
        refused = [] if may_be_private else [address for address in found if not is_public(address)]
        if refused:
            raise FetchFailed(
                f"the host has addresses that are not public ({', '.join(refused)}); "
                "OAUTH2_CLIENT_METADATA_PRIVATE_HOSTS may name it",
                is_final=True,
            )
        return found[:_MOST_ADDRESSES]


def _request(client: httpx.AsyncClient, address: str, *, host: str, port: int, path: str) -> httpx.Request:
    """Return the request to one address of a host, with the name of the host for the certificate and the server."""
    shown = f"[{host}]" if ":" in host else host
    return client.build_request(
        "GET",
        httpx.URL(scheme="https", host=address, port=port, raw_path=path.encode("ascii")),
        headers={
            "Host": shown if port == 443 else f"{shown}:{port}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "Homeport",
            "Connection": "close",
        },
        extensions={"sni_hostname": host},
    )


async def _answer(client: httpx.AsyncClient, request: httpx.Request, most_bytes: int) -> Fetched:
    response = await client.send(request, stream=True)
    try:
        headers = {name.lower(): value for name, value in response.headers.items()}
        _check_head(response.status_code, headers, most_bytes)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most_bytes:
                raise FetchFailed(f"the document has more than {most_bytes} bytes", is_final=True)
    finally:
        await response.aclose()
    try:
        return Fetched(msgspec.json.decode(bytes(body)), headers)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise FetchFailed("the document is not JSON", is_final=True) from None


def _check_head(status: int, headers: dict[str, str], most_bytes: int) -> None:
    if status != 200:
        raise FetchFailed(f"the host answers {status}", is_final=status not in _RETRIED)
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise FetchFailed("the document is not application/json", is_final=True)
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        raise FetchFailed("the document is compressed", is_final=True)
    length = headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 9 or int(length) > most_bytes):
        raise FetchFailed(f"the document has more than {most_bytes} bytes", is_final=True)


@lru_cache(maxsize=1)
def _resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")
