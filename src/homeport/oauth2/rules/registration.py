"""What clients say of themselves (RFC 7591 section 2): read from JSON, checked, cut down to what this server can do.

One reading for all three ways in which a client becomes known; what differs is said by `Reading`. Members that we do not
know are ignored, null and empty ones are absent. Nothing is fetched: addresses are checked by their form alone.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from homeport.oauth2.errors import OAuthError, invalid_client_metadata, invalid_redirect_uri
from homeport.oauth2.rules import redirects, scopes
from homeport.oauth2.types import AuthMethod, ClientType, GrantType

MOST_BYTES: Final = 64 * 1024
MOST_NAME: Final = 64
MOST_URI: Final = 2048
DEFAULT_NAME: Final = "Dynamically registered client"
_MOST_TEXT: Final = 255
_MOST_CONTACTS: Final = 10
_MOST_KEYS: Final = 20
_MOST_KEY_BYTES: Final = 16 * 1024
_HASH_CHARACTERS: Final = 8
_SHARED_SECRETS: Final = frozenset({AuthMethod.SECRET_BASIC, AuthMethod.SECRET_POST})
_DEFAULT_GRANTS: Final = (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN)
# A client that nobody answers for has no identity of its own, so it cannot work in its own name (client_credentials).
_OWN_GRANTS: Final = (*_DEFAULT_GRANTS, GrantType.DEVICE_CODE)
_PUBLIC_KEY_TYPES: Final = frozenset({"RSA", "EC", "OKP"})
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_ADDRESS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+\Z")


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a client has said, in the form in which it is stored. Texts are empty where it said nothing."""

    name: str
    redirect_uris: tuple[str, ...]
    auth_method: AuthMethod
    grant_types: tuple[str, ...]
    response_types: tuple[str, ...]
    application_type: str
    scope: str
    contacts: tuple[str, ...]
    client_uri: str
    logo_uri: str
    tos_uri: str
    policy_uri: str
    jwks_uri: str
    jwks: dict[str, Any] | None
    software_id: str
    software_version: str

    @property
    def client_type(self) -> ClientType:
        """Whether the client proves itself at all."""
        return ClientType.PUBLIC if self.auth_method == AuthMethod.NONE else ClientType.CONFIDENTIAL

    @property
    def has_secret(self) -> bool:
        """Whether the client proves itself by a secret that we give it."""
        return self.auth_method in _SHARED_SECRETS


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How a client becomes known: which grants it may have, and how it proves itself where it does not say."""

    grants: tuple[GrantType, ...] = _OWN_GRANTS
    default_method: AuthMethod = AuthMethod.SECRET_BASIC
    default_name: str = DEFAULT_NAME
    may_have_secret: bool = True


BY_ITSELF: Final = Reading()
BY_DOCUMENT: Final = Reading(default_method=AuthMethod.NONE, default_name="", may_have_secret=False)


def read_metadata(body: Mapping[str, Any], reading: Reading = BY_ITSELF) -> Metadata:
    """Return what a client says of itself. Raises invalid_redirect_uri or invalid_client_metadata."""
    uris = _texts(body, "redirect_uris", most=redirects.MOST_URIS, error=invalid_redirect_uri)
    method = _auth_method(body, uris, reading)
    grants = _grant_types(body, reading)
    _check_redirects(uris, is_public=method == AuthMethod.NONE, is_needed=GrantType.AUTHORIZATION_CODE in grants)
    jwks_uri, jwks = _keys(body, method)
    return Metadata(
        name=shortened(displayable(_text(body, "client_name", most=4096))) or reading.default_name,
        redirect_uris=uris,
        auth_method=method,
        grant_types=grants,
        response_types=_response_types(body, grants),
        application_type=_application_type(body, uris),
        scope=_scope(body),
        contacts=_texts(body, "contacts", most=_MOST_CONTACTS),
        client_uri=_address(body, "client_uri"),
        logo_uri=_address(body, "logo_uri"),
        tos_uri=_address(body, "tos_uri"),
        policy_uri=_address(body, "policy_uri"),
        jwks_uri=jwks_uri,
        jwks=jwks,
        software_id=_text(body, "software_id", most=_MOST_TEXT),
        software_version=_text(body, "software_version", most=_MOST_TEXT),
    )


def displayable(text: str) -> str:
    """Return a name without what does not print: control characters and those that turn the direction of text."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def shortened(name: str) -> str:
    """Return a name of at most 64 characters; of a longer one its beginning and eight digits of its hash."""
    if len(name) <= MOST_NAME:
        return name
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
    return f"{name[: MOST_NAME - _HASH_CHARACTERS - 1]}-{digits}"


def address_problem(uri: str) -> bool:
    """Tell whether a text is no absolute http(s) address that people could follow."""
    if len(uri) > MOST_URI or not _ADDRESS.match(uri):
        return True
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return True
    return parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc


def keys_problem(jwks: object) -> str:
    """Say why a value is no set of public keys (RFC 7517 section 5), or return an empty text."""
    keys = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= _MOST_KEYS:
        return f"A key set has a member keys with 1 to {_MOST_KEYS} keys."
    for key in keys:
        if not isinstance(key, Mapping) or key.get("kty") not in _PUBLIC_KEY_TYPES:
            return "A key of the key set is not an RSA, EC or OKP key."
        if _PRIVATE_MEMBERS.intersection(key):
            return "A key of the key set holds its private part; it must be replaced, and only its public part sent."
    encoded = msgspec.json.encode(jwks)
    if len(encoded) > _MOST_KEY_BYTES or b"\\u0000" in encoded:
        return f"The key set has more than {_MOST_KEY_BYTES} bytes, or holds NUL."
    return ""


def _auth_method(body: Mapping[str, Any], uris: Sequence[str], reading: Reading) -> AuthMethod:
    text = _text(body, "token_endpoint_auth_method", most=_MOST_TEXT)
    if not text:
        # Native applications cannot keep a secret; some say nothing, and a private-use address tells what they are.
        return AuthMethod.NONE if any(_is_private_use(uri) for uri in uris) else reading.default_method
    try:
        method = AuthMethod(text)
    except ValueError:
        method = None
    if method is None or (method in _SHARED_SECRETS and not reading.may_have_secret):
        allowed = [each for each in AuthMethod if reading.may_have_secret or each not in _SHARED_SECRETS]
        raise invalid_client_metadata(f"The token_endpoint_auth_method must be one of {', '.join(allowed)}.")
    return method


def _grant_types(body: Mapping[str, Any], reading: Reading) -> tuple[str, ...]:
    if not _is_said(body, "grant_types"):
        return tuple(grant for grant in _DEFAULT_GRANTS if grant in reading.grants)
    asked = _texts(body, "grant_types", most=_MOST_TEXT)
    found = tuple(grant for grant in asked if grant in reading.grants)
    if not found or found == (GrantType.REFRESH_TOKEN,):
        raise invalid_client_metadata(f"The grant_types need at least one of {', '.join(reading.grants)}.")
    return found


def _response_types(body: Mapping[str, Any], grants: Sequence[str]) -> tuple[str, ...]:
    asked = _texts(body, "response_types", most=_MOST_TEXT) if _is_said(body, "response_types") else ("code",)
    if GrantType.AUTHORIZATION_CODE not in grants:
        return ()
    if "code" not in asked:
        raise invalid_client_metadata("The response_types need code.")
    return ("code",)


def _check_redirects(uris: Sequence[str], *, is_public: bool, is_needed: bool) -> None:
    if is_needed and not uris:
        raise invalid_redirect_uri("The redirect_uris are missing; name at least one.")
    for uri in uris:
        if problem := redirects.problem(uri, is_public=is_public):
            raise invalid_redirect_uri(problem)


def _application_type(body: Mapping[str, Any], uris: Sequence[str]) -> str:
    text = _text(body, "application_type", most=_MOST_TEXT)
    if text not in {"", "native", "web"}:
        raise invalid_client_metadata("The application_type must be native or web.")
    is_native = any(redirects.is_loopback(uri) or _is_private_use(uri) for uri in uris)
    return text or ("native" if is_native else "web")


def _scope(body: Mapping[str, Any]) -> str:
    """Return the names that people may grant; of a list that has none of them the least that there is."""
    text = _text(body, "scope", most=4096)
    if not text.strip():
        return ""
    try:
        names = scopes.known(scopes.split(text))
    except OAuthError as error:
        raise invalid_client_metadata(error.message) from None
    return " ".join(names or scopes.DEFAULT_SCOPES)


def _keys(body: Mapping[str, Any], method: AuthMethod) -> tuple[str, dict[str, Any] | None]:
    jwks_uri, jwks = _address(body, "jwks_uri"), body["jwks"] if body.get("jwks") not in (None, "") else None
    if jwks_uri and jwks is not None:
        raise invalid_client_metadata("Send jwks or jwks_uri, not both.")
    if jwks_uri and not jwks_uri.startswith("https://"):
        raise invalid_client_metadata("The jwks_uri must begin with https.")
    if jwks is not None and (problem := keys_problem(jwks)):
        raise invalid_client_metadata(f"The jwks are not right. {problem}")
    if method == AuthMethod.PRIVATE_KEY_JWT and not jwks_uri and jwks is None:
        raise invalid_client_metadata("A client with private_key_jwt needs jwks or jwks_uri.")
    return jwks_uri, jwks


def _address(body: Mapping[str, Any], field: str) -> str:
    uri = _text(body, field, most=MOST_URI)
    if uri and address_problem(uri):
        raise invalid_client_metadata(f"The {field} must be an absolute address with http or https.")
    return uri


def _is_said(body: Mapping[str, Any], field: str) -> bool:
    """Whether a member has a value: null, an empty text and an empty list are none."""
    return body.get(field) not in (None, "", [])


def _text(body: Mapping[str, Any], field: str, *, most: int) -> str:
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise invalid_client_metadata(f"The {field} must be a text.")
    if len(value) > most:
        raise invalid_client_metadata(f"The {field} has more than {most} characters.")
    if "\x00" in value:
        raise invalid_client_metadata(f"The {field} holds a NUL character.")
    return value


def _texts(
    body: Mapping[str, Any],
    field: str,
    *,
    most: int,
    error: Callable[[str], OAuthError] = invalid_client_metadata,
) -> tuple[str, ...]:
    """Return a list of texts, each once, in order."""
    value = body.get(field)
    if value in (None, ""):
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) and "\x00" not in each for each in value):
        raise error(f"The {field} must be a list of texts.")
    if len(value) > most:
        raise error(f"The {field} have more than {most} entries.")
    if any(len(each) > MOST_URI for each in value):
        raise error(f"An entry of {field} has more than {MOST_URI} characters.")
    return tuple(dict.fromkeys(value))


def _is_private_use(uri: str) -> bool:
    return not uri.startswith(("http:", "https:"))
