"""What SCIM says of itself, as its clients read it before anything else."""

from typing import Any

from homeport.config import Settings
from homeport.scim import schemas
from homeport.scim.errors import unknown
from homeport.scim.rules.resources import list_answer


def get_config(settings: Settings) -> dict[str, Any]:
    """Return which features there are."""
    return schemas.service_provider_config(settings.access_url)


def list_types(settings: Settings) -> dict[str, Any]:
    """Return the types of resources."""
    return _all(schemas.resource_types(settings.access_url))


def get_type(settings: Settings, id: str) -> dict[str, Any]:
    """Return one type of resources."""
    return _one(schemas.resource_types(settings.access_url), "ResourceType", id)


def list_schemas(settings: Settings) -> dict[str, Any]:
    """Return the attributes of all types."""
    return _all(schemas.schemas(settings.access_url))


def get_schema(settings: Settings, id: str) -> dict[str, Any]:
    """Return the attributes of one type."""
    return _one(schemas.schemas(settings.access_url), "Schema", id)


def _all(found: list[dict[str, Any]]) -> dict[str, Any]:
    return list_answer(found, total=len(found), start=1)


def _one(found: list[dict[str, Any]], kind: str, id: str) -> dict[str, Any]:
    for one in found:
        if one["id"].lower() == id.lower():
            return one
    raise unknown(kind, id)
