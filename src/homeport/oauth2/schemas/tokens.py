"""What the token, introspection and device endpoints answer."""

from datetime import datetime

import msgspec


class OAuth2TokenResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 6749 section 5.1. `expiry` is the reference's: the same moment as a date."""

    access_token: str
    token_type: str
    expires_in: int
    expiry: datetime
    refresh_token: str = ""
    scope: str


class OAuth2IntrospectionResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 7662 section 2.2; of a token that is none, or not the asker's, only `active`."""

    active: bool
    scope: str = ""
    client_id: str = ""
    username: str = ""
    token_type: str = ""
    exp: int = 0
    iat: int = 0
    sub: str = ""
    aud: str = ""
    iss: str = ""


class OAuth2DeviceResponse(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 8628 section 3.2."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int
