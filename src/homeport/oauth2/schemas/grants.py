"""Shapes of what people have allowed clients."""

from datetime import datetime
from uuid import UUID

import msgspec


class OAuth2ProviderGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has allowed a client on one resource. The client cannot do more than the person may.

    `last_used_at` is the last use of a token of this grant that still lives; absent where there is none.
    """

    id: UUID
    user_id: UUID
    username: str
    app_id: UUID
    client_id: str
    client_name: str
    client_kind: str
    client_type: str
    resource: str
    scopes: list[str]
    redirect_hosts: list[str]
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | msgspec.UnsetType = msgspec.UNSET
