"""Refusals at the door, with the challenge header that clients of RFC 6750 and RFC 9728 expect."""

from collections.abc import Sequence

from homeport.kit.errors import Forbidden, HomeportError, NotAuthenticated

SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue."


SESSION_EXPIRED = "Your session has expired. Please sign in again to continue."
SESSION_ENDED = "Your session has been ended, by you or by an administrator. Please sign in again to continue."
ACCOUNT_SHUT = "Your account is suspended, so your session does not count any more. Contact an administrator."


class SignedOut(NotAuthenticated):
    """401: no credential, or none that works. `challenge` is the value of WWW-Authenticate.

    `reason` is what the sign-in page says to a person. `is_final`: this session will not come back, so browsers forget it.
    """

    is_final = True

    def __init__(
        self, detail: str, *, access_url: str, message: str = SIGNED_OUT, is_expired: bool = False, reason: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        self.reason = reason or message
        self.description = "The access token has expired" if is_expired else "The access token is missing or invalid"
        self.challenge = challenge(access_url, "invalid_token", self.description)

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge}


PROVIDER_ENDED = "Your session at the provider has ended. Please sign in again to continue."
PROVIDER_AWAY = "The provider could not refresh your session. Try again shortly, or sign in again."
PROVIDER_REMOVED = (
    "Unable to refresh your session: its provider is not set up here any more. Please sign in in another way."
)
# What the sign-in page repeats from its address; nothing else, for anybody can write one.
REASONS = frozenset(
    {
        SIGNED_OUT, SESSION_EXPIRED, SESSION_ENDED, ACCOUNT_SHUT, PROVIDER_ENDED, PROVIDER_AWAY, PROVIDER_REMOVED,
    }
)  # fmt: skip


class LinkEnded(SignedOut):
    """401: the second clock of the session has run out. It may come back, unless it is `is_final`."""

    def __init__(self, message: str, detail: str, *, access_url: str, is_final: bool) -> None:
        super().__init__(detail, access_url=access_url, message=message, is_expired=True)
        self.is_final = is_final


class ProviderRemoved(LinkEnded):
    """500: the session comes from a provider that is not set up any more, so nobody can tell whether it still holds."""

    status = 500

    def __init__(self, detail: str, *, access_url: str) -> None:
        super().__init__(PROVIDER_REMOVED, detail, access_url=access_url, is_final=True)

    @property
    def headers(self) -> dict[str, str]:
        return {}


class AccessEnded(Forbidden):
    """403: what a connection rests on was taken away while it was open."""

    def __init__(self) -> None:
        super().__init__("Your access to this has ended: your roles, groups or organizations have changed.")


class ResourceRefused(HomeportError):
    """A refusal at a protected resource (RFC 6750 section 3): the challenge names its metadata and what to ask for.

    Without a `code` nothing was presented, and the challenge says no error. The body is that of OAuth's errors.
    """

    def __init__(self, status: int, code: str, description: str, *, metadata: str, scopes: Sequence[str] = ()) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        parts = [f'error="{code}", error_description="{description}"'] if code else []
        parts.append(f'resource_metadata="{metadata}"')
        if scopes:
            parts.append(f'scope="{" ".join(scopes)}"')
        self.challenge = f"Bearer {', '.join(parts)}"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge, "Cache-Control": "no-store"}


class ForeignRequest(HomeportError):
    """403 or 421: a page, or a name of this server, that is not expected here (DNS rebinding)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, detail="MCP_ALLOWED_ORIGINS names further origins; ACCESS_URL is the expected one.")
        self.status = status


class NotForWebSockets(HomeportError):
    """405: the address speaks HTTP alone."""

    status = 405

    def __init__(self, path: str) -> None:
        super().__init__(f"There is no WebSocket at {path}.")


def challenge(access_url: str, error: str, description: str) -> str:
    """Build the Bearer challenge (RFC 6750 section 3) that leads to the resource's metadata (RFC 9728 section 5.1)."""
    metadata = f"{access_url.rstrip('/')}/.well-known/oauth-protected-resource"
    return f'Bearer realm="coder", error="{error}", error_description="{description}", resource_metadata="{metadata}"'
