"""Hashes, encryption, signatures. Random tokens are hashed with SHA-256; what must be read back is sealed with AES-256-GCM."""

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_ID_BYTES = 4
_NONCE_BYTES = 12


def hash_token(token: str) -> bytes:
    """Return the 32-byte SHA-256 of a random token. Random tokens need no slow hash; passwords do (see identity)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def tokens_equal(left: bytes, right: bytes) -> bool:
    """Compare two secrets or hashes in constant time."""
    return hmac.compare_digest(left, right)


class DecryptionFailed(Exception):
    """A sealed value cannot be opened: its key is not configured, or the value was changed."""


class Cipher:
    """Seals and opens, signs and recognises values with rotating keys: the first key seals and signs, any key opens.

    A sealed value is `version (1) | key id (4) | nonce (12) | ciphertext and tag`; the key id is the start of the
    key's SHA-256.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"Encryption needs at least one key, each of {KEY_BYTES} bytes.")
        self._keys = {hashlib.sha256(key).digest()[:_ID_BYTES]: AESGCM(key) for key in reversed(keys)}
        self._first = hashlib.sha256(keys[0]).digest()[:_ID_BYTES]
        # Keys of their own, so that a signature never says anything about a key that seals.
        self._signing = [hmac.digest(key, b"homeport signatures", "sha256") for key in keys]

    @property
    def key_id(self) -> str:
        """Return the name of the key that seals now; rows hold it beside what was sealed."""
        return self._first.hex()

    def encrypt(self, value: bytes) -> bytes:
        """Seal `value` with the first key."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + self._first + nonce + self._keys[self._first].encrypt(nonce, value, _VERSION + self._first)

    def decrypt(self, sealed: bytes) -> bytes:
        """Open a sealed value, or raise `DecryptionFailed`."""
        header, key_id = sealed[: 1 + _ID_BYTES], sealed[1 : 1 + _ID_BYTES]
        nonce, body = sealed[1 + _ID_BYTES : 1 + _ID_BYTES + _NONCE_BYTES], sealed[1 + _ID_BYTES + _NONCE_BYTES :]
        key = self._keys.get(key_id)
        if key is None or sealed[:1] != _VERSION:
            raise DecryptionFailed(
                "The key that sealed this value is not configured; add it to EXTERNAL_TOKEN_ENCRYPTION_KEYS."
            )
        try:
            return key.decrypt(nonce, body, header)
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed("The sealed value was changed or cut off.") from error

    def sign(self, purpose: str, message: bytes) -> bytes:
        """Return the HMAC-SHA256 of `message`, good for one purpose only."""
        return hmac.digest(self._signing[0], _for_purpose(purpose, message), "sha256")

    def is_signed(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is one of ours on `message` for this purpose; compared in constant time."""
        full = _for_purpose(purpose, message)
        return any(hmac.compare_digest(hmac.digest(key, full, "sha256"), signature) for key in self._signing)


def _for_purpose(purpose: str, message: bytes) -> bytes:
    return purpose.encode() + b"\x00" + message
