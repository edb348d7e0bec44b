"""Tags that a template itself asks for: read from its archive when a version is made, evaluated anew for each build."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

import msgspec

from homeport.database import Connection
from homeport.files.rules import archive
from homeport.files.service import FileCache, OpenFile
from homeport.kit.crypto import Cipher
from homeport.kit.errors import invalid_field
from homeport.rbac import InternalName, system_subject
from homeport.templates.queries import presets as queries
from homeport.templates.rules.configuration import MOST_BYTES, is_configuration, read_configuration
from homeport.templates.rules.dynamic import FormSource, form_source
from homeport.templates.rules.tags import TagSource, evaluate_tags, tag_source
from homeport.templates.service.variables import version_variables


class FoundTags(msgspec.Struct, frozen=True):
    """The tags of a new version with the defaults of its parameters, what they are made of, and what its form is made of.

    None: it has no tags, no parameters that depend on others.
    """

    tags: dict[str, str]
    source: TagSource | None
    form: FormSource | None


NO_TAGS = FoundTags({}, None, None)


async def read_stored_tags(cache: FileCache, file_id: UUID, variables: Mapping[str, str]) -> FoundTags:
    """Read the tags of an archive. The caller has authorized whoever asks by what uses the file.

    Raises TemplateMistake (400) with file and line for what is wrong in the template.
    """
    with await cache.acquire(system_subject(InternalName.FILE_READER), file_id) as opened:
        return await _find(_configuration(opened), variables)


async def read_packed_tags(data: bytes, variables: Mapping[str, str]) -> FoundTags:
    """Read the tags of an archive that is at hand, such as an example's."""
    places = archive.index(data)
    names = [name for name in places if is_configuration(name)]
    files = {name: data[places[name].offset : places[name].offset + places[name].size] for name in names}
    return await _find(files, variables)


async def build_tags(
    conn: Connection, cipher: Cipher, version_id: UUID, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Return the tags of a build with these values of parameters. Raises TemplateMistake."""
    kept = await queries.find_tag_source(conn, version_id)
    if kept is None or not kept.get("tags"):
        return {}
    values = {value.name: value.value for value in await version_variables(conn, cipher, version_id)}
    # In a thread: it may take a while, and the server is for others too.
    source = await asyncio.to_thread(msgspec.convert, kept, TagSource)
    return await asyncio.to_thread(evaluate_tags, source, variables=values, parameters=parameters)


async def store_tags(conn: Connection, version_id: UUID, found: FoundTags) -> None:
    """Keep what the tags of a version are made of and, beside it, its form."""
    if found.source is not None or found.form is not None:
        # In a thread: it may be of some MiB.
        kept = await asyncio.to_thread(msgspec.to_builtins, {"tags": found.source or {}, "form": found.form})
        await queries.update_tag_source(conn, version_id, kept["tags"] | {"form": kept["form"]})


def _configuration(opened: OpenFile) -> dict[str, bytes]:
    names = [name for name in opened.places if is_configuration(name)]
    _refuse_large(sum(opened.places[name].size for name in names))
    return {name: opened.read(name, limit=MOST_BYTES) or b"" for name in names}


def _refuse_large(size: int) -> None:
    if size > MOST_BYTES:
        raise invalid_field(
            "file_id",
            f"The Terraform files at the top of the archive have more than {MOST_BYTES // 1024**2} MiB; move what is no "
            "configuration into files of its own, and read it with file().",
        )


async def _find(files: dict[str, bytes], variables: Mapping[str, str]) -> FoundTags:
    return await asyncio.to_thread(_read, files, variables)


def _read(files: dict[str, bytes], variables: Mapping[str, str]) -> FoundTags:
    configuration = read_configuration(files)
    source = tag_source(configuration)
    tags = {} if source is None else evaluate_tags(source, variables=variables)
    return FoundTags(tags, source, form_source(configuration))
