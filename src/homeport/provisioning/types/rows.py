"""Rows of the queue's tables, and the words that stand in them. No I/O."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from homeport.audit.types import declare

JobType = Literal["template_version_import", "template_version_dry_run", "workspace_build"]
JobStatus = Literal["pending", "running", "succeeded", "canceling", "canceled", "failed", "unknown"]
LogLevel = Literal["trace", "debug", "info", "warn", "error"]
LogSource = Literal["provisioner_daemon", "provisioner"]
ProvisionerType = Literal["terraform", "echo", "process", "container"]

WaitReason = Literal["no_daemons", "none_alive", "engine", "tags", "busy", "next"]

# How a daemon keeps process workspaces apart from its machine; a daemon that does not say so does not.
Isolation = Literal["", "none", "bubblewrap"]

# Who vouches for a daemon: a key, the deployment's pre-shared key, or a person's session.
DaemonKind = Literal["key", "psk", "user-auth"]


class ProvisionerJobRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `provisioner_jobs`. `input` is what the room that asked for the job needs to know, and nobody else.

    `needs_isolation`: only daemons that keep workspaces apart from their machine may do it. `turn` is its place in the fair
    order. `logs_gap_id` is the line that stands for the `logs_left_out` ones in the middle of a log that was too long.
    `last_report` is the number of the last report that was taken from the daemon that has it.
    """

    id: UUID
    organization_id: UUID
    initiator_id: UUID
    provisioner: str
    type: JobType
    file_id: UUID | None
    input: dict[str, Any]
    tags: dict[str, str]
    priority: int
    worker_id: UUID | None
    worker_name: str
    token_hash: bytes | None
    error: str
    error_code: str
    logs_length: int
    logs_overflowed: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    canceled_at: datetime | None
    completed_at: datetime | None
    job_status: JobStatus
    needs_isolation: bool
    turn: int = 0
    logs_gap_id: int | None = None
    logs_left_out: int = 0
    last_report: int = 0


class JobLogRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `provisioner_job_logs`; ids grow in the order in which the lines of one job became visible."""

    id: int
    job_id: UUID
    created_at: datetime
    source: LogSource
    level: LogLevel
    stage: str
    output: str


class DaemonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `provisioner_daemons`. One that is shared, the server's own, works for every organization."""

    id: UUID
    organization_id: UUID
    key_id: UUID | None
    kind: DaemonKind
    name: str
    version: str
    api_version: str
    provisioners: list[str]
    tags: dict[str, str]
    created_at: datetime
    last_seen_at: datetime | None
    isolation: Isolation = ""
    is_shared: bool = False

    @property
    def place(self) -> UUID | None:
        """The organization whose jobs the daemon takes; None for all."""
        return None if self.is_shared else self.organization_id

    @property
    def isolates(self) -> bool:
        """Whether the daemon keeps workspaces apart from its machine."""
        return self.isolation == "bubblewrap"


class ProvisionerKeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `provisioner_keys`. `builtin_of` names the installation whose own daemons hold the key; such keys expire."""

    id: UUID
    organization_id: UUID
    name: str
    hashed_secret: bytes
    tags: dict[str, str]
    builtin_of: str | None
    expires_at: datetime | None
    created_at: datetime


KEY_AUDIT = declare(
    "provisioner_key",
    ProvisionerKeyRow,
    tracked=("organization_id", "name", "tags"),
    secret=("hashed_secret",),
    ignored=("id", "builtin_of", "expires_at", "created_at"),
)
