"""Packing of states that are too large to go into a report as they are."""

import asyncio
import gzip
from typing import TypeVar

import msgspec

from homeport_sdk.errors import ApiError
from homeport_sdk.provisioner_protocol import CompleteJobRequest, FailJobRequest

PLAIN_BYTES = 8 * 1024 * 1024
"""What goes as it is: in base64, beside all else that a report has, it is well below the 16 MiB of one."""
Ending = TypeVar("Ending", CompleteJobRequest, FailJobRequest)


async def packed(request: Ending, *, most: int) -> Ending:
    """Return a report whose state goes through: a large one as gzip, where the server takes that (`most` bytes; 0: it does not).

    Raises ApiError (413), as the server would, for a state of more.
    """
    build = request.workspace_build
    if build is None or not build.state or len(build.state) <= PLAIN_BYTES or most == 0:
        return request
    if len(build.state) > most:
        size = len(build.state) / 1024**2
        raise ApiError(413, f"A state has at most {most // 1024**2} MiB, and this one {size:.1f} MiB.")
    state = await asyncio.to_thread(gzip.compress, build.state, 6)
    return msgspec.structs.replace(
        request, workspace_build=msgspec.structs.replace(build, state=state, is_state_packed=True)
    )
