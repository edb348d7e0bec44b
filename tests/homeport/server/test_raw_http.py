"""What no client library sends: broken requests over a real connection. The server answers or hangs up, and serves on."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.homeport.server.deployment import Deployment
from tests.support.logging import ErrorLog

HOST = b"Host: 127.0.0.1\r\n"
CLOSE = b"Connection: close\r\n\r\n"
WEBSOCKET = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"


async def status(deployment: Deployment, sent: bytes) -> int:
    """Send bytes, and return the status of what comes back; 0 where the server hangs up."""
    port = urlsplit(deployment.parts.settings.access_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), 10)
    except ConnectionError:
        line = b""
    finally:
        writer.close()
    parts = line.split()
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


@pytest.mark.requirement("HTTP-BAD-INPUT-04")
async def test_broken_requests_are_refused_and_the_server_serves_on(listening: Deployment, error_log: ErrorLog) -> None:
    owner = await listening.accounts.make("owner")
    start = HOST + b"Coder-Session-Token: " + owner.token.encode() + b"\r\n"
    post, me = b"POST /api/v2/users HTTP/1.1\r\n" + start, b"GET /api/v2/users/me HTTP/1.1\r\n"
    large = b"x" * 1_500_000
    broken: list[tuple[bytes, set[int]]] = [
        (b"\x00\x01\x02\r\n\r\n", {0, 400}),
        (b"GET /api/v2/users/%zz%ff%00 HTTP/1.1\r\n" + start + CLOSE, {404}),
        (b"GET /api/v2/users/" + b"a" * 100_000 + b" HTTP/1.1\r\n" + start + CLOSE, {0, 414}),
        (me + HOST + b"".join(b"X%d: a\r\n" % number for number in range(5000)) + CLOSE, {0, 431}),
        (me + HOST + b"Coder-Session-Token: \xff\xfe\r\n" + CLOSE, {400, 401}),
        (me + HOST + b"Cookie: coder_session_token=\xff; ;;=;a\r\n" + CLOSE, {400, 401}),
        (me + HOST + b"Authorization: Bearer \xe2\x82\xac\r\n" + CLOSE, {400, 401}),
        (me + start + WEBSOCKET, {404, 405}),
        (post + b"Content-Length: 2\r\nContent-Length: 3\r\n" + CLOSE + b"{} ", {0, 400}),
        (post + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" + CLOSE + b"0\r\n\r\n", {0, 400}),
        (post + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"zz\r\n{}\r\n0\r\n\r\n", {0, 400}),
        (post + b"Content-Length: -1\r\n" + CLOSE, {0, 400}),
        (post + b"Content-Length: 99999999999\r\n" + CLOSE + b"{", {413}),
        (post + b"Content-Length: 1500000\r\n" + CLOSE + large, {0, 413}),
        (post + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"16e360\r\n" + large + b"\r\n0\r\n\r\n", {0, 413}),
        (b"FOO /api/v2/users HTTP/1.1\r\n" + start + CLOSE, {405}),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + CLOSE, {400, 404}),
        (b"CONNECT evil.test:443 HTTP/1.1\r\n" + HOST + CLOSE, {0, 400, 404, 405}),
        (b"TRACE /api/v2/users HTTP/1.1\r\n" + start + CLOSE, {405}),
    ]
    for sent, expected in broken:
        assert await status(listening, sent) in expected, sent[:200]
    assert await status(listening, me + start + CLOSE) == 200
    assert not error_log.records


@pytest.mark.requirement("HTTP-BAD-INPUT-04")
async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error(
    listening: Deployment, error_log: ErrorLog
) -> None:
    owner = await listening.accounts.make("owner")
    port = urlsplit(listening.parts.settings.access_url).port
    for path, kind in ((b"/api/v2/users", b"application/json"), (b"/api/v2/files", b"application/x-tar")):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"Content-Type: " + kind + b"\r\nContent-Length: 5000\r\n"
        writer.write(head + b"Coder-Session-Token: " + owner.token.encode() + b"\r\n\r\n{")
        await writer.drain()
        writer.close()
    me = b"GET /api/v2/users/me HTTP/1.1\r\n" + HOST + b"Coder-Session-Token: " + owner.token.encode() + b"\r\n" + CLOSE
    for _ in range(20):
        assert await status(listening, me) == 200
    assert await listening.db.fetchval("select count(*) from files") == 0
    assert not error_log.records
