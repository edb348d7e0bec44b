"""Clients and requests for rules: nothing is stored."""

from typing import Any

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.oauth2.rules.authorization import AuthorizationRequest, read_request
from homeport.oauth2.types import AppRow

WEB = "https://client.example/callback"


def app(*uris: str, **more: Any) -> AppRow:
    """A client with these addresses."""
    values: dict[str, Any] = dict.fromkeys(AppRow.__struct_fields__, "")
    values |= dict.fromkeys(
        ("metadata_url", "service_user_id", "created_by", "client_secret_expires_at", "jwks", "registration_access_token",
         "metadata_fetched_at", "metadata_expires_at", "last_used_at")
    )  # fmt: skip
    now = clock.now()
    values |= {
        "id": new_id(), "name": "client", "redirect_uris": list(uris), "client_type": "confidential", "contacts": [],
        "dynamically_registered": False, "kind": "registered", "grant_types": ["authorization_code"],
        "response_types": ["code"], "is_scope_limit": True, "created_at": now, "updated_at": now,
    }  # fmt: skip
    return AppRow(**(values | more))


def asks(**parameters: str) -> AuthorizationRequest:
    """A request with these parameters."""
    return read_request(list(parameters.items()))
