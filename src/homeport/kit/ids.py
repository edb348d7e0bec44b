"""Identifiers and random text. All randomness of the server comes from here."""

import random
import secrets
import string
from functools import cache
from uuid import UUID, uuid4

_ALPHANUMERIC = string.ascii_letters + string.digits

NIL_ID = UUID(int=0)

_WORDS_BEFORE = """
    amber azure bold brave bright brisk calm clever coral crisp daring eager early fair fleet fresh gentle glad
    golden grand green happy humble jolly keen kind lively lucid lucky mellow merry mighty neat nimble noble
    patient plucky polite proud quick quiet rapid royal rustic serene sharp silent silver smart snug solid
    steady still sturdy sunny swift tidy tranquil true vivid warm wise witty young zesty
    """
_WORDS_AFTER = """
    albatross anchor atoll barge bay beacon boat brig buoy canal cape captain coast cove crane crest current
    cutter deck delta dinghy dock dolphin drift ferry fjord fleet galley gannet gull harbor haven heron hull
    inlet island jetty keel kelp ketch lagoon lantern mast mooring ocean otter pelican petrel pier pilot port
    quay reef rudder sail schooner seal shore skiff sloop sound squid surf tern tide trawler tug vessel voyage
    wave wharf yacht
    """
_ADJECTIVES = tuple(_WORDS_BEFORE.split())
_NOUNS = tuple(_WORDS_AFTER.split())


def new_id() -> UUID:
    """Return a random (version 4) UUID."""
    return uuid4()


# Seeded from the system's source; its state could be worked out from what it gave, so nothing secret comes from it.
_bits = random.Random().getrandbits  # noqa: S311  # see above


def new_request_id() -> str:
    """Return the text of a version 4 UUID for what must be unique and is no secret, at a quarter of `new_id`'s cost."""
    digits = f"{_bits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def random_text(length: int, alphabet: str = _ALPHANUMERIC) -> str:
    """Return `length` random characters of `alphabet` (ASCII, at most 256 kinds) from the system's secure source.

    Bytes become characters at once; those beyond the last whole multiple of the alphabet are dropped, so that no character
    is likelier than another.
    """
    table, dropped = _translation(alphabet)
    found = b""
    while len(found) < length:
        found += secrets.token_bytes(2 * length).translate(table, dropped)
    return found[:length].decode("ascii")


@cache
def _translation(alphabet: str) -> tuple[bytes, bytes]:
    """Return what each byte becomes, and which bytes become nothing."""
    letters = alphabet.encode("ascii")
    whole = 256 - 256 % len(letters)
    return bytes(letters[byte % len(letters)] for byte in range(256)), bytes(range(whole, 256))


def random_name() -> str:
    """Return a readable name such as `swift-heron-4821`: valid as a workspace, token or version name."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(9000) + 1000}"
