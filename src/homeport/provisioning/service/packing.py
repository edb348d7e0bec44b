"""Unpacking of states that daemons report as gzip, so that large ones fit into a report."""

import asyncio
import zlib

from homeport.kit.errors import invalid_field
from homeport.provisioning import rules

FIELD = "workspace_build.state"
_GZIP = 16 + zlib.MAX_WBITS


async def unpack_state(packed: bytes) -> bytes:
    """Return what one gzip stream holds. Raises 400 on the state for anything else, and for more than a state may have."""
    return await asyncio.to_thread(_unpack, packed)


def _unpack(packed: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        state = stream.decompress(packed, rules.MOST_STATE + 1)
    except zlib.error as error:
        raise invalid_field(FIELD, f"It is said to be packed, and is no gzip: {error}.") from error
    if len(state) > rules.MOST_STATE:
        raise invalid_field(FIELD, f"A state has at most {rules.MOST_STATE // 1024**2} MiB.")
    if not stream.eof or stream.unused_data:
        raise invalid_field(FIELD, "It is said to be packed, and is not one whole gzip stream.")
    return state
