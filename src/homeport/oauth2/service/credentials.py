"""Making the secrets that `rules.credentials` reads."""

import msgspec

from homeport.kit.crypto import hash_token
from homeport.kit.ids import random_text
from homeport.oauth2.rules.credentials import PREFIX_LENGTH, SECRET_LENGTH, CredentialKind, credential_text


class NewCredential(msgspec.Struct, frozen=True):
    """A fresh secret: the text, which is shown once and stored nowhere, and the two hashes, which are."""

    text: str
    prefix_hash: bytes
    secret_hash: bytes


def new_credential(kind: CredentialKind) -> NewCredential:
    """Make a secret."""
    prefix, secret = random_text(PREFIX_LENGTH), random_text(SECRET_LENGTH)
    return NewCredential(credential_text(kind, prefix, secret), hash_token(prefix), hash_token(secret))
