"""The files of a version for people who write templates: read, changed into a new version, tried with other variables."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from homeport.database import Database
from homeport.files import service as files
from homeport.files.errors import FileNotFound
from homeport.files.rules import archive
from homeport.files.rules.editing import change_files, read_files
from homeport.files.service import FileCache
from homeport.kit.crypto import Cipher
from homeport.kit.errors import BadRequest
from homeport.organizations.service import resolve_organization
from homeport.provisioning.service import get_job
from homeport.provisioning.types import ProvisionerType
from homeport.rbac import Action, Subject
from homeport.templates.rules.engines import engine_of
from homeport.templates.schemas import CreateTemplateVersionRequest, TemplateVersion, VariableValue
from homeport.templates.service import access, examples, versions


class UnchangedSource(BadRequest):
    """400: a new version would have the same files."""

    def __init__(self) -> None:
        super().__init__("Nothing has been changed, so there is nothing to save.")


async def read_source(db: Database, *, subject: Subject, version_id: UUID) -> dict[str, bytes]:
    """Return a version's files by name. Needs to be allowed the archive, as its download does: 403 and 404 as there."""
    return await asyncio.to_thread(read_files, await _archive(db, subject, version_id))


async def store_changed(
    db: Database, *, subject: Subject, version_id: UUID, changes: Mapping[str, bytes | None]
) -> UUID:
    """Store the files of a version with changes (None removes one), as a file of the subject; return its id.

    Raises ArchiveRefused for a name that cannot be, and UnchangedSource.
    """
    data = await _archive(db, subject, version_id)
    changed = await asyncio.to_thread(_change, data, changes)
    async with db.transaction() as conn:
        version = (await access.get_version(conn, subject, version_id)).version
        file = await files.store_archive(
            conn, subject=subject, owner_id=subject.id, organization_id=version.organization_id, data=changed
        )
        return file.id


async def create_next(
    db: Database,
    cipher: Cipher,
    cache: FileCache,
    *,
    subject: Subject,
    version_id: UUID,
    file_id: UUID | None = None,
    name: str = "",
    message: str = "",
    values: Sequence[VariableValue] = (),
    without: Collection[str] = (),
) -> TemplateVersion:
    """Make the version that comes after another: of the same template, by the same engine, of the same files unless of `file_id`.

    Values and tags come along (`versions.create_version`). Needs `template:update`.
    """
    async with db.connection() as conn:
        version = (await access.get_version(conn, subject, version_id, Action.UPDATE)).version
        job = await get_job(conn, version.job_id)
    request = CreateTemplateVersionRequest(
        provisioner=job.provisioner,  # type: ignore[arg-type]  # the column holds no other
        file_id=file_id or job.file_id,
        template_id=version.template_id,
        name=name,
        message=message,
        user_variable_values=list(values),
    )
    return await versions.create_version(
        db,
        cipher,
        cache,
        subject=subject,
        organization=str(version.organization_id),
        request=request,
        based_on=version.id,
        without=without,
    )


async def import_upload(
    db: Database,
    cipher: Cipher,
    cache: FileCache,
    *,
    subject: Subject,
    organization: str,
    data: bytes,
    message: str = "",
) -> TemplateVersion:
    """Make a version without a template of an archive that somebody has uploaded; its files tell the engine."""
    async with db.connection() as conn:
        organization_id = (await resolve_organization(conn, subject, organization)).id
    file, tar = await files.upload_by_hand(db, subject=subject, organization_id=organization_id, data=data)
    request = CreateTemplateVersionRequest(
        provisioner=await asyncio.to_thread(_engine_of_archive, tar),
        file_id=file.id,
        message=message,
    )
    return await versions.create_version(
        db, cipher, cache, subject=subject, organization=str(organization_id), request=request
    )


async def create_next_of_upload(
    db: Database,
    cipher: Cipher,
    cache: FileCache,
    *,
    subject: Subject,
    version_id: UUID,
    data: bytes,
    name: str = "",
    message: str = "",
) -> TemplateVersion:
    """Make the version that comes after another of an archive that somebody has uploaded, as `create_next` does."""
    async with db.connection() as conn:
        version = (await access.get_version(conn, subject, version_id, Action.UPDATE)).version
    file, _ = await files.upload_by_hand(db, subject=subject, organization_id=version.organization_id, data=data)
    return await create_next(
        db, cipher, cache, subject=subject, version_id=version_id, file_id=file.id, name=name, message=message
    )


def example_engine(example_id: str) -> ProvisionerType:
    """Return the engine of an example; raises 400 for an unknown one."""
    return _engine_of_archive(examples.example_archive(example_id))


def _engine_of_archive(data: bytes) -> ProvisionerType:
    return engine_of(read_files(data))


def _change(data: bytes, changes: Mapping[str, bytes | None]) -> bytes:
    changed = change_files(data, changes)
    archive.validate(changed)
    if read_files(changed) == read_files(data):
        raise UnchangedSource
    return changed


async def _archive(db: Database, subject: Subject, version_id: UUID) -> bytes:
    async with db.connection() as conn:
        version = (await access.get_version(conn, subject, version_id)).version
        job = await get_job(conn, version.job_id)
        if job.file_id is None:
            raise FileNotFound
        _, data = await files.read_file(conn, subject, job.file_id)
    return data
