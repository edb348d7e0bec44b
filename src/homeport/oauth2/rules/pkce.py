"""Proof Key for Code Exchange, S256 only (RFC 7636)."""

import base64
import hashlib
import re

from homeport.kit.crypto import tokens_equal

METHODS = ("S256",)
_UNRESERVED = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def is_well_formed(text: str) -> bool:
    """Whether a challenge or verifier has 43 to 128 unreserved characters (sections 4.1 and 4.2)."""
    return _UNRESERVED.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier: base64url of its SHA-256, without padding."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def is_proof(verifier: str, challenge: str) -> bool:
    """Whether a verifier belongs to a challenge. Malformed or empty ones never do. Compared in constant time."""
    if not is_well_formed(verifier) or not challenge:
        return False
    return tokens_equal(challenge_of(verifier).encode(), challenge.encode("utf-8", "replace"))
