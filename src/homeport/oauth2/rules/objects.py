"""What decisions speak of. Clients and their secrets belong to the deployment, so they have no owner; grants belong to people."""

from typing import Final
from uuid import UUID

from homeport.rbac import Object, ResourceType

APP: Final = Object(ResourceType.OAUTH2_APP)
SECRET: Final = Object(ResourceType.OAUTH2_APP_SECRET)


def grant_object(owner_id: UUID | None, grant_id: UUID | str = "") -> Object:
    """Return what is decided upon for what a person has allowed: it is theirs, with its codes and tokens."""
    return Object(ResourceType.OAUTH2_APP_CODE_TOKEN, grant_id, owner_id)
