"""Rows from what an engine has reported: resources, agents with their tokens, scripts, metadata, apps."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from homeport.database import Connection, UniqueViolation
from homeport.kit.crypto import Cipher, hash_token
from homeport.kit.ids import new_id
from homeport.provisioning.types import ProvisionedAgent, ProvisionedApp, ProvisionedResource
from homeport.workspaces.errors import InvalidResult
from homeport.workspaces.queries import resources as queries
from homeport.workspaces.rules.results import bounded, find_mistake
from homeport.workspaces.types import Transition

Row = tuple[object, ...]


async def insert_resources(
    conn: Connection,
    cipher: Cipher,
    *,
    job_id: UUID,
    transition: Transition,
    resources: Sequence[ProvisionedResource],
    now: datetime,
) -> None:
    """Store what a job made. Raises InvalidResult for what cannot be, so that the daemon hears of it."""
    mistake = find_mistake(resources)
    if mistake:
        raise InvalidResult(mistake)
    rows = _Rows(cipher, job_id=job_id, transition=transition, now=now)
    for resource in resources:
        rows.add(resource)
    try:
        await queries.insert_all(
            conn,
            resources=rows.resources,
            resource_metadata=rows.resource_metadata,
            agents=rows.agents,
            log_sources=rows.log_sources,
            scripts=rows.scripts,
            agent_metadata=rows.agent_metadata,
            devcontainers=rows.devcontainers,
            apps=rows.apps,
        )
    except UniqueViolation as error:
        raise InvalidResult("An agent has a token or a name that another one has.", detail=error.constraint) from error


class _Rows:
    """The rows of one result, in the order of the insert statements' columns."""

    def __init__(self, cipher: Cipher, *, job_id: UUID, transition: Transition, now: datetime) -> None:
        self._cipher, self._job_id, self._transition, self._now = cipher, job_id, transition, now
        self.resources: list[Row] = []
        self.resource_metadata: list[Row] = []
        self.agents: list[Row] = []
        self.log_sources: list[Row] = []
        self.scripts: list[Row] = []
        self.agent_metadata: list[Row] = []
        self.devcontainers: list[Row] = []
        self.apps: list[Row] = []

    def add(self, resource: ProvisionedResource) -> None:
        """Add a resource and what is in it."""
        id = new_id()
        # A microsecond apart, so that they are listed in the order in which the engine told them.
        created_at = self._now + timedelta(microseconds=len(self.resources))
        self.resources.append(
            (
                id,
                self._job_id,
                self._transition,
                resource.type,
                resource.name,
                resource.hide,
                resource.icon,
                resource.instance_type,
                resource.module_path,
                resource.daily_cost,
                created_at,
            )
        )
        # What the engine calls sensitive is never shown, so it is not kept.
        self.resource_metadata += [
            (id, fact.key, None if fact.sensitive else fact.value, fact.sensitive) for fact in resource.metadata
        ]
        for agent in resource.agents:
            self._add_agent(id, agent)

    def _add_agent(self, resource_id: UUID, agent: ProvisionedAgent) -> None:
        id, token = new_id(), agent.token or str(new_id())
        self.agents.append(
            (
                id,
                resource_id,
                agent.name,
                hash_token(token),
                self._cipher.encrypt(token.encode()),
                agent.instance_id,
                agent.architecture,
                agent.operating_system,
                agent.env,
                agent.directory,
                agent.connection_timeout_seconds,
                agent.troubleshooting_url,
                agent.motd_file,
                agent.display_apps,
                agent.api_key_scope,
                bounded(agent.order),
                self._now,
                None if agent.resources_monitoring is None else msgspec.to_builtins(agent.resources_monitoring),
            )
        )
        self._add_scripts(id, agent)
        self.agent_metadata += [
            (id, fact.key, fact.display_name, fact.script, fact.interval, fact.timeout, bounded(fact.order))
            for fact in agent.metadata
        ]
        self.devcontainers += [
            (new_id(), id, each.name, each.workspace_folder, each.config_path, self._now)
            for each in agent.devcontainers
        ]
        self.apps += [self._app(id, app) for app in agent.apps]

    def _add_scripts(self, agent_id: UUID, agent: ProvisionedAgent) -> None:
        for number, script in enumerate(agent.scripts):
            source_id, created_at = new_id(), self._now + timedelta(microseconds=number)
            self.log_sources.append((source_id, agent_id, script.display_name, script.icon, created_at))
            self.scripts.append(
                (
                    new_id(),
                    agent_id,
                    source_id,
                    script.display_name,
                    script.icon,
                    script.log_path,
                    script.script,
                    script.cron,
                    script.run_on_start,
                    script.run_on_stop,
                    script.start_blocks_login,
                    script.timeout,
                    created_at,
                )
            )

    def _app(self, agent_id: UUID, app: ProvisionedApp) -> Row:
        check = app.healthcheck
        has_check = check is not None and bool(check.url)
        return (
            new_id(),
            agent_id,
            app.slug,
            app.display_name or app.slug,
            app.icon,
            app.command,
            app.url,
            app.external,
            app.subdomain,
            app.share,
            app.open_in,
            app.group,
            bounded(app.order),
            app.hidden,
            app.tooltip,
            check.url if check else "",
            check.interval if check else 0,
            check.threshold if check else 0,
            "initializing" if has_check else "disabled",
            self._now,
        )
