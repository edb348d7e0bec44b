"""Builds: what a workspace is asked to become, and what came of it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from homeport.provisioning.schemas import MatchedProvisioners, ProvisionerJob, ProvisionerTiming
from homeport.workspaces.schemas.agents import WorkspaceResource
from homeport.workspaces.types import BuildReason, Transition, WorkspaceStatus

RequestedReason = Literal["", "dashboard", "cli", "ssh_connection", "vscode_connection", "jetbrains_connection"]


class WorkspaceBuildParameter(msgspec.Struct, frozen=True):
    """One parameter and the value that a build was given."""

    name: str
    value: str


class WorkspaceBuild(msgspec.Struct, frozen=True, kw_only=True):
    """One build of a workspace."""

    id: UUID
    created_at: datetime
    updated_at: datetime
    workspace_id: UUID
    workspace_name: str
    workspace_owner_id: UUID
    workspace_owner_name: str
    workspace_owner_avatar_url: str
    template_version_id: UUID
    template_version_name: str
    build_number: int
    transition: Transition
    initiator_id: UUID
    initiator_name: str
    job: ProvisionerJob
    reason: BuildReason
    resources: list[WorkspaceResource]
    deadline: datetime | None
    max_deadline: datetime | None
    status: WorkspaceStatus
    daily_cost: int
    matched_provisioners: MatchedProvisioners | None = None
    template_version_preset_id: UUID | None = None
    has_ai_task: bool = False
    has_external_agent: bool = False


class CreateWorkspaceBuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for a build. `state` replaces the carried state, `orphan` drops it (delete only)."""

    transition: Transition
    template_version_id: UUID | None = None
    dry_run: bool = False
    state: bytes | None = None
    orphan: bool = False
    rich_parameter_values: list[WorkspaceBuildParameter] = []
    log_level: Literal["", "debug"] = ""
    template_version_preset_id: UUID | None = None
    reason: RequestedReason = ""


class UpdateWorkspaceBuildStateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Replaces the state of a build."""

    state: bytes


class AgentScriptTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long one script of an agent ran, and how it ended."""

    started_at: datetime
    ended_at: datetime
    exit_code: int
    stage: str
    status: str
    display_name: str
    workspace_agent_id: UUID
    workspace_agent_name: str


class AgentConnectionTiming(msgspec.Struct, frozen=True, kw_only=True):
    """From the end of the build to the first contact of an agent."""

    started_at: datetime
    ended_at: datetime
    stage: str
    workspace_agent_id: UUID
    workspace_agent_name: str


class WorkspaceBuildTimings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of a build went."""

    provisioner_timings: list[ProvisionerTiming]
    agent_script_timings: list[AgentScriptTiming]
    agent_connection_timings: list[AgentConnectionTiming]
