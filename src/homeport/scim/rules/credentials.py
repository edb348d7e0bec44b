"""The provider's token, compared in constant time; that it is long enough, the settings see to."""

from homeport.access.rules import Headers, bearer
from homeport.kit.crypto import tokens_equal


def is_provider(headers: Headers, token: str) -> bool:
    """Tell whether a request brings the token in its header Authorization, once, as Bearer. Nothing else counts."""
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1 or not token:
        return False
    return tokens_equal(bearer(found[0].decode("latin-1")).encode("latin-1"), token.encode())
