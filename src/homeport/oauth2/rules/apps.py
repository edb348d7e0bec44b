"""What owners may say of the clients that they register."""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from homeport.kit.errors import BadRequest, FieldError
from homeport.oauth2.rules import redirects, registration, scopes
from homeport.oauth2.types import AuthMethod, ClientType, GrantType

MOST_ICON: Final = 256
DEFAULT_GRANTS: Final = (GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN)
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._\-]{0,62}[A-Za-z0-9])?\Z")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is to be. `callbacks` are its redirect addresses, the first of them its callback_url.

    `callback_field` is the field of the request in which the first one stands.
    """

    name: str
    icon: str
    callbacks: tuple[str, ...]
    callback_field: str
    client_type: str
    auth_method: str
    grant_types: tuple[str, ...]
    scope: str
    client_uri: str
    jwks_uri: str
    jwks: dict[str, Any] | None
    has_identity: bool


def check(wanted: Wanted, *, known_name: str | None = None) -> None:
    """Raise a 400 that names every field that is wrong. `known_name`: the name that the client has already."""
    problems = [
        FieldError(field, detail)
        for field, detail in (
            ("name", "" if wanted.name == known_name else _name_problem(wanted.name)),
            ("icon", _icon_problem(wanted.icon)),
            ("client_type", _type_problem(wanted.client_type)),
            ("token_endpoint_auth_method", _method_problem(wanted)),
            ("grant_types", _grants_problem(wanted)),
            *_callback_problems(wanted),
            ("scope", scope_problem(wanted.scope)),
            ("client_uri", _address_problem(wanted.client_uri)),
            ("jwks_uri", _jwks_uri_problem(wanted)),
            ("jwks", registration.keys_problem(wanted.jwks) if wanted.jwks is not None else ""),
        )
        if detail
    ]
    if problems:
        raise BadRequest("The application is not valid.", validations=problems)


def scope_problem(scope: str) -> str:
    """Say why a list of scopes cannot be the most that a client may be granted, or return an empty text."""
    names = scope.split(" ")
    unknown = [
        name for name in names if name and not scopes.known((name,)) and name not in {"all", "application_connect"}
    ]
    if len(scope) > 4096 or len(names) > 100:
        return "Use at most 100 names of scopes."
    return f"There is no scope with the name '{unknown[0][:100]}'." if unknown else ""


def _name_problem(name: str) -> str:
    if not name:
        return "A name is required."
    return "" if _NAME.match(name) else "Use at most 64 letters and digits; '.', '_' and '-' may stand between them."


def _icon_problem(icon: str) -> str:
    if not icon:
        return ""
    is_path = icon.startswith("/") and not icon.startswith("//") and icon.isprintable()
    is_fit = len(icon) <= MOST_ICON and (is_path or not registration.address_problem(icon))
    return (
        "" if is_fit else f"Use the address of a picture, or a path of this server, of at most {MOST_ICON} characters."
    )


def _type_problem(client_type: str) -> str:
    return "" if client_type in set(ClientType) else "Use confidential or public."


def _method_problem(wanted: Wanted) -> str:
    if wanted.auth_method not in set(AuthMethod):
        return f"Use one of {', '.join(AuthMethod)}."
    if (wanted.auth_method == AuthMethod.NONE) != (wanted.client_type == ClientType.PUBLIC):
        return "Public clients use none, and confidential ones anything else."
    if wanted.auth_method == AuthMethod.PRIVATE_KEY_JWT and not wanted.jwks_uri and wanted.jwks is None:
        return "A client that proves itself by private_key_jwt needs jwks or jwks_uri."
    return ""


def _grants_problem(wanted: Wanted) -> str:
    found = wanted.grant_types
    if not found or not set(found) <= set(GrantType) or found == (GrantType.REFRESH_TOKEN,):
        return f"Use one or more of {', '.join(GrantType)}, and not refresh_token alone."
    if GrantType.CLIENT_CREDENTIALS not in found:
        return ""
    if wanted.client_type == ClientType.PUBLIC:
        return "A public client cannot prove itself, so it cannot use client_credentials."
    if not wanted.has_identity:
        return "A client with client_credentials needs service_user or service_organization: in whose name it works."
    return ""


def _callback_problems(wanted: Wanted) -> Sequence[tuple[str, str]]:
    if not wanted.callbacks:
        is_needed = GrantType.AUTHORIZATION_CODE in wanted.grant_types
        return [("callback_url", "A callback address is required.")] if is_needed else []
    if len(wanted.callbacks) > redirects.MOST_URIS:
        return [("redirect_uris", f"Use at most {redirects.MOST_URIS} addresses.")]
    is_public = wanted.client_type == ClientType.PUBLIC
    found = [redirects.problem(uri, is_public=is_public) for uri in wanted.callbacks]
    return [
        (wanted.callback_field if number == 0 else "redirect_uris", problem) for number, problem in enumerate(found)
    ]


def _jwks_uri_problem(wanted: Wanted) -> str:
    if wanted.jwks_uri and wanted.jwks is not None:
        return "Use jwks or jwks_uri, not both."
    if wanted.jwks_uri and not wanted.jwks_uri.startswith("https://"):
        return "Use an address with https."
    return _address_problem(wanted.jwks_uri)


def _address_problem(uri: str) -> str:
    return "Use an absolute address with http or https." if uri and registration.address_problem(uri) else ""
