"""What a daemon gets to build a workspace, and what a list of jobs shows around a build."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import msgspec

from homeport.access.service.links import LinkClock
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity.service import git_ssh_keys
from homeport.identity.types import LoginType
from homeport.kit.crypto import Cipher, DecryptionFailed
from homeport.provisioning.schemas import (
    AcquiredJob,
    BuildInput,
    BuildOrganization,
    BuildOwner,
    BuildTemplate,
    JobInput,
    NamedValue,
    OwnerRole,
    ProvisionerJobMetadata,
)
from homeport.provisioning.types import ProvisionerJobRow
from homeport.templates.service import version_variables
from homeport.workspaces.errors import BuildNotFound, StateUnreadable
from homeport.workspaces.queries import builds as queries
from homeport.workspaces.queries import templates as template_queries
from homeport.workspaces.queries.templates import BuildFacts
from homeport.workspaces.service import session_keys
from homeport.workspaces.types import BuildJobInput, BuildRow

# Only Terraform's templates can ask for the owner's secrets, so no other engine gets them.
_ASKING_ENGINE = "terraform"
# How long a daemon waits for what a provider has to be asked for; its build goes on without.
_PATIENCE_SECONDS = 10.0


class BuildInputs:
    """Builds the input of build jobs, with the key that opens states and what renews the tokens of providers."""

    def __init__(self, cipher: Cipher, settings: Settings, links: LinkClock | None = None) -> None:
        self._cipher, self._settings, self._links = cipher, settings, links

    async def build_input(self, conn: Connection, job: ProvisionerJobRow) -> BuildInput:
        """Return what the engine needs. Raises BuildNotFound or StateUnreadable, which end the job as failed."""
        given = msgspec.convert(job.input, BuildJobInput)
        build = await queries.find_build(conn, given.workspace_build_id)
        if build is None:
            raise BuildNotFound
        facts = await template_queries.get_build_facts(conn, build.id)
        key = await git_ssh_keys.ensure(conn, facts.owner_id, self._cipher)
        previous = await queries.find_build_by_number(conn, build.workspace_id, build.build_number - 1)
        sealed = await queries.find_sealed_state(conn, build.id)
        is_for_templates = job.provisioner == _ASKING_ENGINE
        return BuildInput(
            workspace_id=build.workspace_id,
            workspace_name=facts.workspace_name,
            workspace_build_id=build.id,
            build_number=build.build_number,
            transition=build.transition,
            owner=BuildOwner(
                id=facts.owner_id,
                username=facts.owner_username,
                email=facts.owner_email,
                name=facts.owner_name,
                groups=await template_queries.list_group_names(conn, facts.owner_id, facts.organization_id),
                ssh_public_key=key.public_key,
                ssh_private_key=self._cipher.decrypt(key.private_key_sealed).decode() if is_for_templates else "",
                roles=[
                    OwnerRole(name=name, organization_id=organization_id)
                    for name, organization_id in await template_queries.list_roles(conn, facts.owner_id)
                ],
                login_type=facts.owner_login_type,
                session_token=await self._session_token(conn, job, build, facts),
            ),
            template=BuildTemplate(
                id=facts.template_id,
                name=facts.template_name,
                version_id=facts.version_id,
                version_name=facts.version_name,
            ),
            organization=BuildOrganization(id=facts.organization_id, name=facts.organization_name),
            rich_parameter_values=await _values(conn, build.id),
            previous_parameter_values=[] if previous is None else await _values(conn, previous.id),
            variables=await version_variables(conn, self._cipher, facts.version_id),
            state=open_state(self._cipher, sealed),
            log_level=given.log_level,
            may_lack_isolation=not job.needs_isolation,
        )

    async def complete(self, db: Database, job: AcquiredJob) -> JobInput:
        """Add what the owner's identity provider gave, renewed where it has ended; nothing where that does not come soon."""
        given = job.input
        if self._links is None or job.provisioner != _ASKING_ENGINE or not isinstance(given, BuildInput):
            return given
        async with db.connection() as conn:
            facts = await template_queries.get_build_facts(conn, given.workspace_build_id)
        if facts.owner_status == "suspended" or not facts.reads("oidc_access_token"):
            return given
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                token = await self._links.access_token(given.owner.id, LoginType.OIDC)
        except TimeoutError:
            return given
        return msgspec.structs.replace(given, owner=msgspec.structs.replace(given.owner, oidc_access_token=token))

    async def _session_token(self, conn: Connection, job: ProvisionerJobRow, build: BuildRow, facts: BuildFacts) -> str:
        """Return a key of the owner's for a start of a template that reads it, in the place of the one before."""
        if job.provisioner != _ASKING_ENGINE or build.transition != "start" or not facts.reads("session_token"):
            return ""
        return await session_keys.renew_key(
            conn,
            self._settings,
            owner_id=facts.owner_id,
            workspace_id=build.workspace_id,
            workspace_name=facts.workspace_name,
            actor_id=job.initiator_id,
        )


def open_state(cipher: Cipher, sealed: bytes | None) -> bytes:
    """Return an opened state, empty where there is none. Raises StateUnreadable."""
    if sealed is None:
        return b""
    try:
        return cipher.decrypt(sealed)
    except DecryptionFailed as error:
        raise StateUnreadable from error


async def _values(conn: Connection, build_id: UUID) -> list[NamedValue]:
    return [NamedValue(name, value) for name, value in (await queries.list_parameters(conn, build_id)).items()]


async def job_metadata(conn: Connection, jobs: Sequence[ProvisionerJobRow]) -> dict[UUID, ProvisionerJobMetadata]:
    """Return the names around build jobs, by job."""
    places = await template_queries.list_job_places(conn, [job.id for job in jobs])
    return {
        place.job_id: ProvisionerJobMetadata(
            template_version_name=place.template_version_name,
            template_id=place.template_id,
            template_name=place.template_name,
            template_display_name=place.template_display_name,
            template_icon=place.template_icon,
            workspace_id=place.workspace_id,
            workspace_name=place.workspace_name,
        )
        for place in places
    }
