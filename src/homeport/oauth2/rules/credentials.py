"""Secrets of the authorization server: `hp_<kind>_<prefix>_<secret>`, as secret scanners and people can tell them.

Found by the hash of the prefix, proved by the hash of the secret; neither half is stored. Letters and digits only, so that
both encodings of HTTP Basic (RFC 6749 section 2.3.1 and what clients do) are the same.
"""

import re
from enum import StrEnum
from typing import Final

import msgspec

from homeport.kit.crypto import hash_token, tokens_equal

PREFIX_LENGTH: Final = 10
SECRET_LENGTH: Final = 32
"""Characters of 62 kinds: more than 190 random bits."""

DISPLAYED: Final = 6
_FORM: Final = re.compile(
    rf"hp_(code|rt|cs|dc|reg)_([A-Za-z0-9]{{{PREFIX_LENGTH}}})_([A-Za-z0-9]{{{SECRET_LENGTH}}})", re.ASCII
)


class CredentialKind(StrEnum):
    """What a secret is for."""

    CODE = "code"
    REFRESH_TOKEN = "rt"
    CLIENT_SECRET = "cs"
    DEVICE_CODE = "dc"
    REGISTRATION_TOKEN = "reg"


class Credential(msgspec.Struct, frozen=True):
    """The two hashes of a secret: by one it is found, by the other it is proved."""

    prefix_hash: bytes
    secret_hash: bytes

    def is_proved_by(self, hashed: bytes | None) -> bool:
        """Whether a stored hash is that of this secret; compared in constant time."""
        return hashed is not None and tokens_equal(self.secret_hash, hashed)


def credential_text(kind: CredentialKind, prefix: str, secret: str) -> str:
    """Return a secret as its holder sees it."""
    return f"hp_{kind}_{prefix}_{secret}"


def read_credential(kind: CredentialKind, text: str) -> Credential | None:
    """Return the hashes of a secret of this kind, or None for a text that cannot be one."""
    found = _FORM.fullmatch(text)
    if found is None or found[1] != kind:
        return None
    return Credential(hash_token(found[2]), hash_token(found[3]))


def displayed(text: str) -> str:
    """Return what lists show of a secret: its last characters."""
    return text[-DISPLAYED:]
