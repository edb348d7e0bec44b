"""Templates: list, look, upload, make, promote, delete."""

import io
import shlex
import tarfile
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from msgspec import Meta

from homeport.files import service as files
from homeport.files.types import TAR
from homeport.kit.ids import NIL_ID
from homeport.mcp import needs, views
from homeport.mcp.arguments import Arguments
from homeport.mcp.errors import NothingHere, ToolFailed
from homeport.mcp.registry import READS, Call, Hints, Needs, tool
from homeport.organizations.service.organizations import list_organizations
from homeport.organizations.types import DEFAULT_ORGANIZATION_ALIAS
from homeport.provisioning.types import ProvisionerType
from homeport.rbac import Action, Object, ResourceType, is_allowed
from homeport.templates.schemas import CreateTemplateRequest, CreateTemplateVersionRequest, Template
from homeport.templates.service import contents, templates, versions

TemplateId = Annotated[UUID, Meta(description="Id of the template.")]
VersionId = Annotated[UUID, Meta(description="Id of the template version.")]


class ListTemplates(Arguments):
    """Arguments of coder_list_templates."""

    query: Annotated[str, Meta(description="Search as in the dashboard: bare words, or name:, organization:.")] = ""


class GetTemplate(Arguments):
    """Arguments of coder_get_template."""

    template_id: Annotated[
        str, Meta(min_length=1, description="Id of the template, or its name, or organization/name.")
    ]


class OneVersion(Arguments):
    """Arguments of coder_template_version_parameters."""

    template_version_id: VersionId


class UploadTarFile(Arguments):
    """Arguments of coder_upload_tar_file."""

    files: Annotated[
        dict[str, str],
        Meta(min_length=1, max_length=1000, description="Text of each file by its path inside the archive."),
    ]


class CreateVersion(Arguments):
    """Arguments of coder_create_template_version."""

    file_id: Annotated[UUID, Meta(description="Id of the archive, from coder_upload_tar_file.")]
    template_id: Annotated[
        UUID, Meta(description="Template that gets the version. Leave out for a template to be made of it.")
    ] = NIL_ID
    organization: Annotated[
        str, Meta(description="Name or id of the organization. Leave out with template_id, or if there is only one.")
    ] = ""
    provisioner: Annotated[
        Literal["process", "container", "terraform", ""],
        Meta(
            description="What reads the files: process and container for homeport.yaml, terraform for *.tf. "
            "Leave out with template_id; without, it is process."
        ),
    ] = ""
    message: Annotated[str, Meta(max_length=1000, description="What is new in this version.")] = ""


class CreateTemplate(Arguments):
    """Arguments of coder_create_template."""

    name: Annotated[str, Meta(min_length=1, description="Name: small letters, digits, hyphens.")]
    version_id: Annotated[UUID, Meta(description="Version whose import has succeeded, which becomes the active one.")]
    organization: Annotated[str, Meta(description="Name or id of the organization. Leave out: the version's.")] = ""
    display_name: Annotated[str, Meta(description="Name for people.")] = ""
    description: Annotated[str, Meta(description="What it is for.")] = ""
    icon: Annotated[str, Meta(description="Address or path of an icon.")] = ""


class OneTemplate(Arguments):
    """Arguments of coder_delete_template."""

    template_id: TemplateId


class PromoteVersion(Arguments):
    """Arguments of coder_update_template_active_version."""

    template_id: TemplateId
    template_version_id: VersionId


@tool("coder_list_templates", "List templates", needs=needs.READ_TEMPLATES, hints=READS, kind=ListTemplates)
async def list_templates(call: Call, given: ListTemplates) -> Any:
    """List the templates from which workspaces can be made."""
    async with call.db.connection() as conn:
        found = await templates.list_templates(conn, subject=call.subject, query=given.query)
    return [views.template(each, call.around.settings.access_url) for each in found]


@tool("coder_get_template", "Get a template", needs=needs.READ_TEMPLATES, hints=READS, kind=GetTemplate)
async def get_template(call: Call, given: GetTemplate) -> Any:
    """Return a template by id or name, with the version from which new workspaces are made."""
    return views.template(await find_template(call, given.template_id), call.around.settings.access_url)


@tool(
    "coder_template_version_parameters",
    "Get the parameters of a version",
    needs=needs.READ_TEMPLATES,
    hints=READS,
    kind=OneVersion,
)
async def get_parameters(call: Call, given: OneVersion) -> Any:
    """Return the parameters that a workspace of this template version takes, with defaults, options and rules."""
    async with call.db.connection() as conn:
        return await contents.list_parameters(conn, subject=call.subject, version_id=given.template_version_id)


@tool(
    "coder_upload_tar_file",
    "Upload template files",
    needs=needs.UPLOAD_FILES,
    hints=Hints(is_idempotent=True),
    kind=UploadTarFile,
)
async def upload_tar_file(call: Call, given: UploadTarFile) -> Any:
    """Pack text files into an archive and upload it; the file id that is returned is for coder_create_template_version."""
    body = _pack(given.files)
    organizations = call.identity.organization_ids
    file, _ = await files.upload(
        call.db,
        subject=call.subject,
        owner_id=call.user_id,
        organization_id=organizations[0] if len(organizations) == 1 else None,
        content_type=TAR,
        body=_once(body),
    )
    return {"file_id": file.id, "size": file.size}


def _needs_of_version(given: Mapping[str, Any]) -> Needs:
    return needs.ADD_VERSIONS if given.get("template_id") else needs.CREATE_VERSIONS


@tool(
    "coder_create_template_version",
    "Create a template version",
    needs=_needs_of_version,
    hints=Hints(),
    kind=CreateVersion,
)
async def create_version(call: Call, given: CreateVersion) -> Any:
    """Make a template version of uploaded files, and queue its import.

    Ask coder_get_template_version_logs for how the import goes; then coder_create_template or
    coder_update_template_active_version makes use of it.
    """
    template_id = None if given.template_id == NIL_ID else given.template_id
    provisioner: str = given.provisioner or "process"
    if template_id is None:
        organization = given.organization or await _only_organization(call)
    else:
        async with call.db.connection() as conn:
            found = await templates.read_template(conn, subject=call.subject, template_id=template_id)
        organization, provisioner = str(found.organization_id), given.provisioner or found.provisioner
    request = CreateTemplateVersionRequest(
        provisioner=cast(ProvisionerType, provisioner),
        template_id=template_id,
        file_id=given.file_id,
        message=given.message,
    )
    made = await versions.create_version(
        call.db,
        call.around.cipher,
        call.around.file_cache,
        subject=call.subject,
        organization=organization,
        request=request,
    )
    return views.version(made)


@tool("coder_create_template", "Create a template", needs=needs.CREATE_TEMPLATES, hints=Hints(), kind=CreateTemplate)
async def create_template(call: Call, given: CreateTemplate) -> Any:
    """Make a template of an imported template version."""
    organization = given.organization
    if not organization:
        async with call.db.connection() as conn:
            version = await versions.read_version(conn, subject=call.subject, version_id=given.version_id)
        organization = str(version.organization_id)
    request = CreateTemplateRequest(
        name=given.name,
        template_version_id=given.version_id,
        display_name=given.display_name,
        description=given.description,
        icon=given.icon,
    )
    made = await templates.create_template(call.db, subject=call.subject, organization=organization, request=request)
    return views.template(made, call.around.settings.access_url)


@tool(
    "coder_update_template_active_version",
    "Set the active version of a template",
    needs=needs.UPDATE_TEMPLATES,
    hints=Hints(is_destructive=True, is_idempotent=True),
    kind=PromoteVersion,
)
async def update_active_version(call: Call, given: PromoteVersion) -> Any:
    """Make a version the one that new workspaces of the template get."""
    await templates.promote_version(
        call.db, subject=call.subject, template_id=given.template_id, version_id=given.template_version_id
    )
    return "The version is the active one now."


@tool(
    "coder_delete_template",
    "Delete a template",
    needs=needs.DELETE_TEMPLATES,
    hints=Hints(is_destructive=True, is_idempotent=True),
    kind=OneTemplate,
)
async def delete_template(call: Call, given: OneTemplate) -> Any:
    """Delete a template of which no workspace is left."""
    await templates.delete_template(call.db, subject=call.subject, template_id=given.template_id)
    return "The template is deleted."


async def find_template(call: Call, name: str) -> Template:
    """Return the template of an id, a name or organization/name. Raises NothingHere.

    A name means those of the person's own organizations where these have one.
    """
    async with call.db.connection() as conn:
        try:
            return await templates.read_template(conn, subject=call.subject, template_id=UUID(name))
        except ValueError:
            organization, _, rest = name.rpartition("/")
        words = {"exact_name": rest, **({"organization": organization} if organization else {})}
        query = " ".join(shlex.quote(f"{key}:{word}") for key, word in words.items())
        found = await templates.list_templates(conn, subject=call.subject, query=query)
    if not found:
        is_allowed(call.subject, Action.READ, Object(ResourceType.TEMPLATE))
        raise NothingHere("There is no such template, or you may not see it.")
    own = [each for each in found if each.organization_id in call.subject.organization_ids] or found
    if len(own) > 1:
        names = ", ".join(f"{each.organization_name}/{each.name}" for each in own)
        raise ToolFailed(f"Several organizations have a template of this name. Name one of them: {names}.")
    return own[0]


async def _only_organization(call: Call) -> str:
    """Return the organization that the person belongs to. Raises ToolFailed where there are several to choose from."""
    ids = call.identity.organization_ids
    if len(ids) < 2:
        return str(ids[0]) if ids else DEFAULT_ORGANIZATION_ALIAS
    names = ", ".join(each.name for each in await list_organizations(call.db, subject=call.subject) if each.id in ids)
    raise ToolFailed(f"The person belongs to several organizations. Name one as organization: {names}.")


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _pack(given: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in sorted(given.items()):
            data = text.encode()
            info = tarfile.TarInfo(path)
            info.size = len(data)
            info.mode = 0o755 if text.startswith("#!") else 0o644
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


TOOLS = (
    list_templates,
    get_template,
    get_parameters,
    upload_tar_file,
    create_version,
    create_template,
    update_active_version,
    delete_template,
)
