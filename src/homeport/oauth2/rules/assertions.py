"""Signed assertions of clients, private_key_jwt (RFC 7523 section 3, and its revision: the audience is the issuer alone)."""

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

import msgspec

ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "Ed25519",
)
"""Asymmetric ones only: with a shared secret anybody who can check could sign."""

LONGEST_LIFE: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=30)
MOST_CHARACTERS: Final = 16 * 1024
_MOST_ID: Final = 512


def subject_of(assertion: str) -> str:
    """Return whom an assertion is about, before anything of it is proved; empty where it is no assertion."""
    if len(assertion) > MOST_CHARACTERS or assertion.count(".") != 2:
        return ""
    payload = assertion.split(".")[1]
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return ""
    subject = claims.get("sub") if isinstance(claims, dict) else None
    return subject if isinstance(subject, str) and "\x00" not in subject else ""


def claims_problem(claims: Mapping[str, Any], *, client_id: str, issuer: str, now: datetime) -> str:
    """Say why the claims of a signed assertion do not prove its client, or return an empty text."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        return "The assertion needs the client_id as iss and as sub."
    if claims.get("aud") not in (issuer, [issuer]):
        return "The assertion needs the issuer of this server as its only aud."
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MOST_ID:
        return f"The assertion needs a jti of at most {_MOST_ID} characters."
    moment = now.timestamp()
    expires, issued, begins = (_number(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None:
        return "The assertion needs exp."
    if expires <= moment - LEEWAY.total_seconds():
        return "The assertion has expired."
    if expires > moment + (LONGEST_LIFE + LEEWAY).total_seconds():
        return "The assertion may live for five minutes at most."
    for name, value in (("iat", issued), ("nbf", begins)):
        if name in claims and (value is None or value > moment + LEEWAY.total_seconds()):
            return f"The assertion is not valid yet: look at its {name} and at the clock."
    return ""


def _number(value: object) -> float | None:
    """Return a moment as seconds; None for what is none, which no comparison would refuse."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return None
    return float(value)
