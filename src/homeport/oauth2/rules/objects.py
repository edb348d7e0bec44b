"""What decisions about clients speak of. Clients and their secrets belong to the deployment, so they have no owner."""

from typing import Final

from homeport.rbac import Object, ResourceType

APP: Final = Object(ResourceType.OAUTH2_APP)
SECRET: Final = Object(ResourceType.OAUTH2_APP_SECRET)
