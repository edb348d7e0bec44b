"""The ways to sign in, as the sign-in page shows them. Pure."""

from urllib.parse import urlencode

import msgspec

from homeport.identity.login import github, oidc
from homeport.identity.login.configured import Providers
from homeport.identity.schemas import AuthMethods
from homeport.identity.types import PROVIDER_LOGINS, LoginType

# The setting hides the form from those whom it would refuse; owners, whom it lets in, find it at this address.
PASSWORD_QUERY = ("by", "password")


class Way(msgspec.Struct, frozen=True):
    """A button that leads to a provider."""

    words: str
    href: str
    icon: str = ""


def ways_to(ways: AuthMethods, *, target: str) -> list[Way]:
    """Return the buttons of the providers; `target` is the local path to which they lead in the end."""
    query = f"?{urlencode({'redirect': target})}" if target != "/" else ""
    found = []
    if ways.oidc.enabled:
        found.append(Way(f"Sign in with {ways.oidc.sign_in_text}", f"{oidc.CALLBACK}{query}", ways.oidc.icon_url))
    if ways.github.enabled:
        found.append(Way("Sign in with GitHub", f"{github.CALLBACK}{query}"))
    return found


def conversions_of(providers: Providers, *, login_type: str) -> dict[str, str]:
    """Return the providers to which an account of this login type can be converted: their names by login type."""
    if login_type != LoginType.PASSWORD:
        return {}
    known = {kind: providers.find(kind) for kind in sorted(PROVIDER_LOGINS)}
    return {kind.value: found.name for kind, found in known.items() if found is not None}
