"""Who a request comes from: a person, an agent, or a provisioner daemon. No I/O."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from homeport.identity.types import Identity
from homeport.rbac import Subject

__all__ = ["AgentIdentity", "Identity", "ProvisionerIdentity"]


class AgentIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The agent that calls. `subject` has the roles of the workspace's owner, narrowed to this workspace."""

    agent_id: UUID
    agent_name: str
    parent_id: UUID | None
    workspace_id: UUID
    owner_id: UUID
    organization_id: UUID
    template_id: UUID
    build_id: UUID
    subject: Subject


class ProvisionerIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """The daemon that calls. Only a key names an organization and tags; the pre-shared key says nothing but "trusted".

    `is_builtin`: the key is one of the server's own, and its daemons work for every organization.
    """

    kind: Literal["key", "psk", "user"]
    organization_id: UUID | None
    key_id: UUID | None
    tags: Mapping[str, str]
    user_id: UUID | None
    subject: Subject
    is_builtin: bool = False
