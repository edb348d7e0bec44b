"""What GitHub says of a person, judged: memberships, addresses, ids, and the outcomes of a device code (spec: identity 7.2, 7.3)."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Any, Final

_MOST_ID: Final = 2**63 - 1
PENDING: Final = "authorization_pending"
# RFC 8628 section 3.5, RFC 6749 section 5.2, and GitHub's own. Whoever waits goes on asking upon the first two.
DEVICE_WORDS: Final = MappingProxyType(
    {
        PENDING: "The code has not been typed at GitHub yet.",
        "slow_down": "GitHub wants to be asked less often.",
        "access_denied": "The sign-in was declined at GitHub.",
        "expired_token": "The code has expired before it was typed.",
        "incorrect_device_code": "GitHub does not know this code, or it has been used already.",
        "device_flow_disabled": "The application at GitHub does not allow sign-in by code. Its owner has to switch the device flow on.",
        "unsupported_grant_type": "GitHub does not accept sign-in by code from this server.",
        "incorrect_client_credentials": "GitHub does not know the application of this server. Its client id has to be corrected.",
        "unverified_user_email": "Your primary e-mail address at GitHub is not verified. Verify it there and try again.",
    }
)
_OTHER: Final = "GitHub did not complete the sign-in."


def device_words(code: str) -> str:
    """Return what an outcome of a device code means."""
    return DEVICE_WORDS.get(code, _OTHER)


def active_organizations(memberships: Iterable[Any]) -> frozenset[str]:
    """Return the organizations of which somebody is an active member, in small letters. Invitations do not count."""
    found: set[str] = set()
    for membership in memberships:
        organization = membership.get("organization") if isinstance(membership, dict) else None
        name = organization.get("login") if isinstance(organization, dict) else None
        if isinstance(name, str) and membership.get("state") == "active":
            found.add(name.lower())
    return frozenset(found)


def admitting(allowed: Sequence[str], active: frozenset[str]) -> frozenset[str]:
    """Return which of the allowed organizations somebody is an active member of."""
    return frozenset(name.lower() for name in allowed) & active


def teams_within(teams: Sequence[str], organizations: frozenset[str]) -> list[tuple[str, str]]:
    """Return the organization and team of each `organization/team` within these organizations."""
    pairs = (team.partition("/") for team in teams)
    return [(organization, team) for organization, _, team in pairs if organization.lower() in organizations]


def verified_email(emails: Iterable[Any]) -> str:
    """Return the address that is primary and verified, or an empty text."""
    for email in emails:
        if isinstance(email, dict) and email.get("primary") is True and email.get("verified") is True:
            address = email.get("email")
            if isinstance(address, str):
                return address
    return ""


def account_id(user: dict[str, Any]) -> int:
    """Return the id of an account; 0 when there is none that could be one."""
    found = user.get("id")
    if not isinstance(found, int) or isinstance(found, bool):
        return 0
    return found if 0 < found <= _MOST_ID else 0


def text_of(user: dict[str, Any], name: str) -> str:
    """Return a text that GitHub tells of a person; empty when it tells none."""
    found = user.get(name)
    return found if isinstance(found, str) else ""
