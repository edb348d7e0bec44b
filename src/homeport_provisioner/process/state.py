"""What the server keeps about a process workspace between builds: on which machine its home is."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import msgspec


class State(msgspec.Struct, kw_only=True, frozen=True):
    """`node` names a data folder for ever; `host` is for people."""

    version: int = 1
    node: str = ""
    host: str = ""

    def encode(self) -> bytes:
        """Return the state as the server keeps it."""
        return msgspec.json.encode(self)


def read_state(data: bytes) -> State:
    """Read what the server kept. Something else, such as a state that a person put in, says nothing."""
    try:
        return msgspec.json.decode(data, type=State) if data else State()
    except msgspec.DecodeError:
        return State()


def own_state(data_dir: Path) -> State:
    """Return the state of workspaces on this machine; all daemons on one data folder agree on its name. Raises OSError."""
    path = data_dir / "node"
    if not path.exists():
        draft = data_dir / f"node-{uuid4().hex}"
        draft.write_text(str(uuid4()), "ascii")
        # Of several daemons that start at once, one makes the name.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return State(node=path.read_text("ascii").strip(), host=socket.gethostname())
