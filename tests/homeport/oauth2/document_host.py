"""A host on the internet, as far as the server knows: https by an authority of its own, on loopback, with odd answers on demand."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from homeport.oauth2.service import documents
from tests.support.certificates import make_certificates

NAME = "client.example"


class Seen(msgspec.Struct, frozen=True):
    """A request as the host got it."""

    path: str
    host: str
    server_name: str
    headers: dict[str, str]


class DocumentHost:
    """Serves what `put` says; everything else is 404. `requests` are those that came."""

    def __init__(self, port: int, names: dict[str, list[str]]) -> None:
        self.port = port
        self.names = names
        self.resolved: list[str] = []
        self.requests: list[Seen] = []
        self.gate: asyncio.Event | None = None
        self.arrived = asyncio.Event()
        self._answers: dict[str, bytes] = {}

    def url(self, path: str = "/client.json", *, name: str = NAME) -> str:
        """The address of a document of this host."""
        return f"https://{name}:{self.port}{path}"

    @property
    def authority(self) -> str:
        """What the setting of private hosts calls it."""
        return f"{NAME}:{self.port}"

    def put(
        self,
        document: Any,
        path: str = "/client.json",
        *,
        status: str = "200 OK",
        kind: str = "application/json",
        **headers: str,
    ) -> str:
        """Serve a document (bytes: as they are) and return its address."""
        body = document if isinstance(document, bytes) else msgspec.json.encode(document)
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.put_raw("\r\n".join([*lines, "", ""]).encode() + body, path)

    def put_raw(self, answer: bytes, path: str = "/client.json") -> str:
        """Serve these bytes as the whole answer."""
        self._answers[path] = answer
        return self.url(path)

    def put_client(self, path: str = "/client.json", *, cache: str = "", **changes: Any) -> str:
        """Serve a good document, but for these changes (None: left out), and return its address."""
        document = {
            "client_id": self.url(path),
            "client_name": "Example client",
            "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            **changes,
        }
        found = {name: value for name, value in document.items() if value is not None}
        return self.put(found, path, **({"Cache_Control": cache} if cache else {}))

    async def resolve(self, host: str, port: int) -> list[str]:
        """Stand in for the system's resolver: an unknown name is none."""
        self.resolved.append(host)
        if host not in self.names:
            raise OSError(f"no such host: {host}")
        return self.names[host]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and hang up."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            path = head[0].split(" ")[1]
            tls = writer.get_extra_info("ssl_object")
            self.requests.append(Seen(path, headers.get("host", ""), getattr(tls, "asked_for", ""), headers))
            self.arrived.set()
            if self.gate is not None:
                await self.gate.wait()
            writer.write(self._answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def document_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DocumentHost]:
    """Run a host whose authority the server believes by SSL_CERT_FILE, and whose name the server resolves to loopback."""
    authority, context = make_certificates(folder, NAME, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    host: DocumentHost | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert host is not None
        await host.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    host = DocumentHost(server.sockets[0].getsockname()[1], {NAME: ["127.0.0.1"], "other.example": ["127.0.0.1"]})
    monkeypatch.setattr(documents.fetcher, "resolve", host.resolve)
    try:
        yield host
    finally:
        if host.gate is not None:
            host.gate.set()
        server.close()
