"""How values travel: json and jsonb as plain Python values by msgspec, everything else as the driver does it."""

from typing import Any

import asyncpg
import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

# The first byte of a binary jsonb value is the version of the format (PostgreSQL: jsonb_send).
_JSONB_VERSION = b"\x01"


async def install(connection: asyncpg.Connection) -> None:
    """Teach one new connection our codecs (no round trip: the driver knows these types)."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )
    await connection.set_type_codec("json", schema="pg_catalog", encoder=_encode, decoder=_decode, format="binary")


def _encode_jsonb(value: Any) -> bytes:
    return _JSONB_VERSION + _encode(value)


def _decode_jsonb(value: bytes) -> Any:
    return _decode(memoryview(value)[1:])
