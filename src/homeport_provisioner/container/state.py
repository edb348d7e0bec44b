"""What the server keeps about a container workspace between builds: on which engine its volumes are. Pure."""

import msgspec


class State(msgspec.Struct, kw_only=True, frozen=True):
    """`engine` tells engines apart, `host` is for people."""

    version: int = 1
    engine: str = ""
    host: str = ""
    container: str = ""

    def encode(self) -> bytes:
        """Return the state as the server keeps it."""
        return msgspec.json.encode(self)


def read_state(data: bytes) -> State:
    """Read what the server kept. Something else, such as a state that a person put in, says nothing."""
    try:
        return msgspec.json.decode(data, type=State) if data else State()
    except msgspec.DecodeError:
        return State()
