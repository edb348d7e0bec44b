"""How often somebody may try to sign in: from one address, and to one account (spec: identity 8.3). Pure."""

import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final

import msgspec

from homeport.identity.rules.accounts import fold_address

# Who has an IPv6 address has a whole network of this size.
_IPV6_NETWORK: Final = 64
_LONGEST_SUBJECT: Final = 320


class Allowance(msgspec.Struct, frozen=True):
    """What is counted under one name: at most `most` attempts in each window. Windows begin at multiples of their length."""

    kind: str
    most: int
    window: timedelta
    words: str


def address_allowance(most: int) -> Allowance:
    """Attempts of all kinds from one address."""
    return Allowance("address", most, timedelta(minutes=1), "Too many attempts to sign in from this address.")


def account_allowance(most: int, *, is_known: bool) -> Allowance:
    """Wrong passwords of one account: from addresses that have a session of it each for itself, from all others together."""
    return Allowance(
        "known" if is_known else "account",
        most,
        timedelta(minutes=10),
        "Too many wrong passwords for this account.",
    )


def passcode_allowance(most: int) -> Allowance:
    """Mails with one-time passcodes to one address."""
    return Allowance("passcode", most, timedelta(hours=1), "Too many requests for this account.")


def window_start(now: datetime, window: timedelta) -> datetime:
    """Return when the window began that `now` is in."""
    seconds = int(window.total_seconds())
    return datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)


def seconds_left(now: datetime, window: timedelta) -> int:
    """Return the seconds until the next window begins, at least one."""
    left = window_start(now, window) + window - now
    return max(1, -int(-left.total_seconds() // 1))


def network_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, the network of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found) >> _IPV6_NETWORK << _IPV6_NETWORK))
    return str(found)


def digest(*parts: str) -> str:
    """Return what stands for a subject in the table: nobody shall read addresses of people there."""
    text = "\x00".join(fold_address(part.strip())[:_LONGEST_SUBJECT] for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
