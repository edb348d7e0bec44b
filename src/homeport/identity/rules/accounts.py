"""Pure decisions about names, passwords, tokens and their lifetimes (spec: identity 1 to 4)."""

import math
import string
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from homeport.identity.types import KEY_ID_LENGTH, KEY_SECRET_LENGTH, LoginType
from homeport.kit.errors import BadRequest, FieldError, invalid_field
from homeport.rbac import Object, ResourceType, RoleName, may_assign

LEAST_ENTROPY_BITS = 52
MOST_PASSWORD = 128
REFRESH_AFTER = timedelta(hours=1)
# Keys of these kinds end when they say: a program renews its own (tokens), or has a refresh token (applications).
FIXED_EXPIRY = frozenset({LoginType.TOKEN, LoginType.OAUTH2_PROVIDER_APP})
_ALPHANUMERIC = frozenset(string.ascii_letters + string.digits)
_SEQUENCES = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "password", "homeport")


class MalformedToken(ValueError):
    """A credential that cannot be an API key; the text says why and holds nothing of the credential."""


def parse_token(token: str) -> tuple[str, str]:
    """Split `<id>-<secret>` into its halves of 10 and 22 letters and digits, or raise MalformedToken."""
    key_id, dash, secret = token.partition("-")
    if not dash or "-" in secret:
        raise MalformedToken("An API key has two parts, joined by one hyphen.")
    if len(key_id) != KEY_ID_LENGTH:
        raise MalformedToken(f"The first part of an API key has {KEY_ID_LENGTH} characters.")
    if len(secret) != KEY_SECRET_LENGTH:
        raise MalformedToken(f"The second part of an API key has {KEY_SECRET_LENGTH} characters.")
    # Beyond the table's letters nothing can match, and PostgreSQL refuses NUL with an error of its own.
    if not _ALPHANUMERIC.issuperset(key_id) or not _ALPHANUMERIC.issuperset(secret):
        raise MalformedToken("An API key consists of letters and digits.")
    return key_id, secret


def fold_address(address: str) -> str:
    """Return an e-mail address as it is compared: whatever its case, but no letter beyond ASCII becomes one of ASCII.

    Databases fold a dotted capital I to i, and the sign of kelvin to k. Then somebody else's address would be an account's, and
    an account would have many names whose wrong passwords are counted apart.
    """
    return "".join(c.lower() if c.isascii() or not c.lower().isascii() else c for c in address)


class Refresh(msgspec.Struct, frozen=True):
    """What use of a key changes in its row."""

    last_used: datetime
    expires_at: datetime
    is_address_changed: bool


def sliding_refresh(
    *,
    last_used: datetime,
    expires_at: datetime,
    lifetime: timedelta,
    login_type: str,
    now: datetime,
    is_expiry_fixed: bool,
) -> Refresh | None:
    """Decide what use at `now` changes (spec: identity 1.2); None when nothing does, which is so for most of each hour."""
    is_stale = now - last_used > REFRESH_AFTER
    extends = not is_expiry_fixed and login_type not in FIXED_EXPIRY and expires_at - now <= lifetime - REFRESH_AFTER
    if not is_stale and not extends:
        return None
    return Refresh(now if is_stale else last_used, now + lifetime if extends else expires_at, is_stale)


def password_problem(password: str) -> str:
    """Say what is wrong with a new password, or return an empty text."""
    if not password:
        return "A password is required."
    if len(password) > MOST_PASSWORD:
        return f"A password has at most {MOST_PASSWORD} characters."
    if "\x00" in password:
        return "A password cannot hold NUL characters."
    if entropy_bits(password) < LEAST_ENTROPY_BITS:
        return "This password is too easy to guess: make it longer, or mix upper and lower case, digits and signs."
    return ""


def entropy_bits(password: str) -> float:
    """Estimate how many guesses (as a power of two) a password costs: its alphabet to the power of its length.

    Runs of one character, keyboard rows and common words count as little as two characters each.
    """
    shortened = _without_runs(password)
    alphabets = (
        (string.ascii_lowercase, 26),
        (string.ascii_uppercase, 26),
        (string.digits, 10),
        (string.punctuation + " ", 33),
    )
    size = sum(count for letters, count in alphabets if any(letter in letters for letter in shortened))
    if any(ord(letter) > 126 for letter in shortened):
        size += 100
    return len(shortened) * math.log2(size) if size > 1 else 0.0


def _without_runs(password: str) -> str:
    kept: list[str] = []
    position = 0
    while position < len(password):
        run = _run_length(password, position)
        kept.append(password[position : position + min(run, 2)])
        position += run
    return "".join(kept)


def _run_length(password: str, position: int) -> int:
    rest = password[position:].lower()
    repeated = len(rest) - len(rest.lstrip(rest[0]))
    longest = repeated if repeated > 2 else 1
    for sequence in _SEQUENCES:
        for row in (sequence, sequence[::-1]):
            length = _common_run(rest, row)
            if length > 2:
                longest = max(longest, length)
    return longest


def _common_run(text: str, row: str) -> int:
    start = row.find(text[0])
    length = 0
    while start >= 0 and start + length < len(row) and length < len(text) and row[start + length] == text[length]:
        length += 1
    return length


def token_lifetime(nanoseconds: int, *, default: timedelta, cap: timedelta) -> timedelta:
    """Turn the asked lifetime (0: default) into a duration, or raise a 400; exactly the cap is allowed."""
    if nanoseconds < 0:
        raise invalid_field("lifetime", "A lifetime must be positive.")
    if nanoseconds == 0:
        return min(default, cap)
    # Compared as integers: a wish of centuries would overflow a duration.
    if nanoseconds > duration_nanoseconds(cap):
        raise invalid_field(
            "lifetime", f"The lifetime must be less than {cap}.", message=f"lifetime must be less than {cap}"
        )
    seconds = nanoseconds // 1_000_000_000
    if seconds < 1:
        raise invalid_field("lifetime", "A lifetime is at least one second.")
    return timedelta(seconds=seconds)


def duration_nanoseconds(duration: timedelta) -> int:
    """Return a duration as the wire's integer of nanoseconds."""
    return duration // timedelta(microseconds=1) * 1000


def validate_all(*checks: Callable[[], object]) -> None:
    """Run every check and raise one 400 that names all the fields that were wrong."""
    problems: list[FieldError] = []
    for check in checks:
        try:
            check()
        except BadRequest as error:
            problems.extend(error.validations)
    if problems:
        raise BadRequest("The request is not valid.", validations=problems)


def validate_password(password: str, field: str = "password") -> None:
    """Raise a 400 that names `field` when a new password is too weak."""
    problem = password_problem(password)
    if problem:
        raise invalid_field(field, problem)


def user_object(user_id: UUID | None = None) -> Object:
    """The object that decisions about a user speak of; None stands for a user that does not exist yet."""
    return Object(ResourceType.USER) if user_id is None else Object(ResourceType.USER, id=user_id, owner_id=user_id)


def key_object(user_id: UUID, key_id: str = "") -> Object:
    """The object that decisions about a user's API key speak of."""
    return Object(ResourceType.API_KEY, id=key_id, owner_id=user_id)


def unassignable_roles(actor_roles: Iterable[RoleName], roles: Iterable[str]) -> list[str]:
    """Return those deployment roles that somebody with `actor_roles` may not give or take."""
    actors = list(actor_roles)
    return sorted(role for role in roles if not may_assign(actors, RoleName(role)))
