"""Wire shapes of daemons and their keys (spec: api-models, ProvisionerDaemon, ProvisionerKey)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport.provisioning.types import Isolation, JobStatus

DaemonStatus = Literal["offline", "idle", "busy"]


class MatchedProvisioners(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many daemons could take a job, how many of them are alive, and when the last of them was seen."""

    count: int = msgspec.field(default_factory=int)
    available: int = msgspec.field(default_factory=int)
    most_recently_seen: datetime | None = None


class ProvisionerDaemonJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job as a list of daemons shows it."""

    id: UUID
    status: JobStatus
    template_name: str
    template_icon: str
    template_display_name: str


class ProvisionerDaemon(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A daemon. `key_id` is one of three fixed ids where no key of people vouches for it.

    `isolation` says how its process workspaces are kept apart from its machine; left out where it has not said so.
    """

    id: UUID
    organization_id: UUID
    key_id: UUID
    created_at: datetime
    last_seen_at: datetime | None = None
    name: str
    version: str
    api_version: str
    provisioners: list[str]
    tags: dict[str, str]
    isolation: Isolation = ""
    key_name: str | None = None
    status: DaemonStatus | None = None
    current_job: ProvisionerDaemonJob | None = None
    previous_job: ProvisionerDaemonJob | None = None


class ProvisionerKey(msgspec.Struct, frozen=True):
    """A key of remote daemons, without its secret."""

    id: UUID
    created_at: datetime
    organization: UUID
    name: str
    tags: dict[str, str]


class ProvisionerKeyDaemons(msgspec.Struct, frozen=True):
    """A key and the daemons that hold it."""

    key: ProvisionerKey
    daemons: list[ProvisionerDaemon]


class CreateProvisionerKeyRequest(msgspec.Struct, frozen=True):
    """A new key; its daemons carry these tags."""

    name: str
    tags: dict[str, str] | None = None


class CreateProvisionerKeyResponse(msgspec.Struct, frozen=True):
    """The new key's secret, shown this once."""

    key: str
