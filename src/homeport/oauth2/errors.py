"""Errors of OAuth's endpoints: their body is exactly `{"error", "error_description"}` (RFC 6749 section 5.2).

The descriptions are ASCII without quotes or backslashes, as section 5.2 wants, and never repeat what the request held.
"""

from homeport.kit.errors import HomeportError


class OAuthError(HomeportError):
    """A refusal with one of the standards' codes. `message` is the description."""

    status = 400

    def __init__(self, code: str, description: str, *, status: int = 400, challenge: str = "") -> None:
        super().__init__(description)
        self.code = code
        self.status = status
        self.challenge = challenge

    @property
    def headers(self) -> dict[str, str]:
        """Never stored; with the challenge where there is one."""
        found = {"Cache-Control": "no-store", "Pragma": "no-cache"}
        if self.challenge:
            found["WWW-Authenticate"] = self.challenge
        return found


def invalid_request(description: str) -> OAuthError:
    """The request lacks a parameter, holds one twice, or is malformed."""
    return OAuthError("invalid_request", description)


def invalid_client(description: str, *, is_basic: bool = False) -> OAuthError:
    """The client is unknown or did not prove itself: 401, so that a client whose registration is gone registers anew."""
    return OAuthError("invalid_client", description, status=401, challenge='Basic realm="homeport"' if is_basic else "")


def invalid_grant(description: str) -> OAuthError:
    """The code or refresh token is unknown, used, expired, revoked, or another client's."""
    return OAuthError("invalid_grant", description)


def invalid_target(description: str) -> OAuthError:
    """The resource is not one of ours, or not the one that was granted (RFC 8707 section 2)."""
    return OAuthError("invalid_target", description)


def invalid_scope(description: str) -> OAuthError:
    """A scope is unknown or beyond what was granted."""
    return OAuthError("invalid_scope", description)


def invalid_redirect_uri(description: str) -> OAuthError:
    """A redirect address cannot be registered (RFC 7591 section 3.2.2)."""
    return OAuthError("invalid_redirect_uri", description)


def invalid_client_metadata(description: str) -> OAuthError:
    """What a client says of itself cannot be registered (RFC 7591 section 3.2.2)."""
    return OAuthError("invalid_client_metadata", description)


def unauthorized_client(description: str) -> OAuthError:
    """This client may not use this grant type."""
    return OAuthError("unauthorized_client", description)
