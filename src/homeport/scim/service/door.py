"""Who is let in: whoever shows the token that the settings name, and nobody where they name none."""

import msgspec

from homeport.access.authenticators import Presented, ScimResolver
from homeport.config import Settings
from homeport.kit.request import current_request, set_request
from homeport.rbac import InternalName, Subject, system_subject
from homeport.scim.errors import ProviderUnknown, ScimError
from homeport.scim.rules.credentials import is_provider
from homeport.scim.types import SUBSYSTEM


def provider_resolver(settings: Settings) -> ScimResolver:
    """Return what recognises the identity provider, for the door of all requests (`access`)."""

    async def resolve(presented: Presented) -> Subject:
        if not settings.scim_auth_header:
            raise ScimError(
                404, "SCIM is switched off here. To switch it on, give the server a token as SCIM_AUTH_HEADER."
            )
        if not is_provider(presented.headers, settings.scim_auth_header):
            raise ProviderUnknown(has_token=bool(presented.header("authorization")))
        # From here on audit says that SCIM has done it.
        set_request(msgspec.structs.replace(current_request(), subsystem=SUBSYSTEM))
        return system_subject(InternalName.SCIM)

    return resolve
