"""Refusals at the door, with the challenge header that clients of RFC 6750 and RFC 9728 expect."""

from homeport.kit.errors import BadRequest, Forbidden, NotAuthenticated

SIGNED_OUT = "You are signed out or your session has expired. Please sign in again to continue."


class SignedOut(NotAuthenticated):
    """401: no credential, or none that works. `challenge` is the value of WWW-Authenticate."""

    def __init__(self, detail: str, *, access_url: str, message: str = SIGNED_OUT, is_expired: bool = False) -> None:
        super().__init__(message, detail=detail)
        description = "The access token has expired" if is_expired else "The access token is missing or invalid"
        self.challenge = challenge(access_url, "invalid_token", description)

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge}


class Insufficient(Forbidden):
    """403: the credential is valid, but not for this."""

    def __init__(self, message: str, *, access_url: str, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.challenge = challenge(access_url, "insufficient_scope", "The access token does not cover this request")

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge}


class UnreadableCredential(BadRequest):
    """400: two credentials that exclude each other, or one that cannot be read."""


def challenge(access_url: str, error: str, description: str) -> str:
    """Build the Bearer challenge (RFC 6750 section 3) that leads to the resource's metadata (RFC 9728 section 5.1)."""
    metadata = f"{access_url.rstrip('/')}/.well-known/oauth-protected-resource"
    return f'Bearer realm="coder", error="{error}", error_description="{description}", resource_metadata="{metadata}"'
