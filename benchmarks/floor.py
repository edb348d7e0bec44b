"""The floor: the least that an authenticated answer can cost. Granian, raw ASGI, one token hash, one indexed SELECT.

`python -m benchmarks.floor DATABASE_URL PORT TOKEN_ID` serves it: GET / with the header Coder-Session-Token answers the key's row.
"""

import asyncio
import hashlib
import hmac
import sys
from typing import Any

import asyncpg
from granian.constants import Interfaces
from granian.server.embed import Server

SELECT = "select id, hashed_secret, user_id, login_type::text from api_keys where id = $1"


def application(pool: "asyncpg.Pool[Any]") -> Any:
    """Return the ASGI application."""

    async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
        token = next(value for name, value in scope["headers"] if name == b"coder-session-token").decode()
        key_id, _, secret = token.partition("-")
        row = await pool.fetchrow(SELECT, key_id)
        is_valid = row is not None and hmac.compare_digest(
            row["hashed_secret"], hashlib.sha256(secret.encode()).digest()
        )
        body = b'{"user_id":"%b"}' % str(row["user_id"]).encode() if is_valid else b"{}"
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200 if is_valid else 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


async def serve(url: str, port: int) -> None:
    """Serve until the process is ended."""
    pool = await asyncpg.create_pool(url, min_size=10, max_size=20, reset=_keep)
    server = Server(application(pool), address="127.0.0.1", port=port, interface=Interfaces.ASGINL, log_enabled=False)
    print("ready", flush=True)
    await server.serve()


async def _keep(_connection: Any) -> None:
    """Take a session back as it is: the driver's own reset would be a second round trip, which no floor needs."""


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1], int(sys.argv[2])))
