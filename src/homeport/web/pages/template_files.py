"""The files of a version: read, changed into a new version, and compared with those of another."""

import asyncio
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.files.service import FileCache
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, NotFound, invalid_field
from homeport.kit.http import Page as Window
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.templates.rules.comparing import compare_files, text_of
from homeport.templates.schemas import TemplateVersion
from homeport.templates.service import access, sources, versions
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.rendering import View
from homeport.web.template_place import TemplatePlace, load_version

_READ = requires("template:read", is_page=True)
_UPDATE = requires("template:update", is_page=True)
_ONE = "/templates/{template:str}/versions/{version:str}"
_MOST_SHOWN = 64 * 1024
_MOST_TOGETHER = 512 * 1024
_MOST_FILES = 200
_OTHERS = 100
_NEW = ("new_name", "new_content", "name", "message")
Page = Response[str] | Redirect


class ShownFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as the page shows it. Without a text it can only be removed here; `why` says so."""

    id: str
    name: str
    size: int
    text: str | None
    why: str = ""
    is_removed: bool = False


class _Files(NamedTuple):
    place: TemplatePlace
    version: TemplateVersion
    files: dict[str, bytes]


@get(f"{_ONE}/files", opt=_READ, include_in_schema=False)
async def show_files(view: View, template: str, version: str, db: Database, subject: Subject) -> Response[str]:
    """Show the files of a version; whoever may change the template edits them here."""
    return _page(view, await _load(view, db, subject, template, version))


@post(f"{_ONE}/files", opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_files(
    view: View, template: str, version: str, db: Database, subject: Subject, cipher: Cipher, file_cache: FileCache
) -> Page:
    """Make a new version of the changed files, and lead to its page, where the import can be watched."""
    form = await read_form(view.request)
    loaded = await _load(view, db, subject, template, version)
    try:
        made = await _save(db, cipher, file_cache, subject, loaded, form)
    except HomeportError as error:
        return _page(view, loaded, form=form, problems=Problems(error, known=frozenset(_NEW)))
    return view.go(loaded.place.version_address(made))


@get(f"{_ONE}/compare", opt=_READ, include_in_schema=False)
async def show_comparison(view: View, template: str, version: str, db: Database, subject: Subject) -> Response[str]:
    """Show what differs from another version, or from the one before."""
    loaded = await _load(view, db, subject, template, version)
    other, others = await _compared(db, subject, loaded, view.request.query_params.get("version", ""))
    before = {} if other is None else await sources.read_source(db, subject=subject, version_id=other.id)
    return view.page(
        "template_comparison.html",
        place=loaded.place,
        template=loaded.place.template,
        version=loaded.version,
        other=other,
        others=others,
        changes=await asyncio.to_thread(compare_files, before, loaded.files),
    )


async def _compared(
    db: Database, subject: Subject, loaded: _Files, name: str
) -> tuple[TemplateVersion | None, list[TemplateVersion]]:
    """Return the version to compare with (of this name, or the one before; the first has none), and all that one may choose."""
    async with db.connection() as conn:
        row = await access.get_template(conn, subject, loaded.place.template.id)
        window = Window(limit=_OTHERS)
        known = await versions.list_versions(conn, subject=subject, template_id=row.id, page=window, has_archived=True)
        others = [each for each in known if each.id != loaded.version.id]
        if name:
            return await versions.read_version_by_name(conn, subject=subject, template=row, name=name), others
        try:
            before = await versions.read_previous_version(conn, subject=subject, template=row, name=loaded.version.name)
        except NotFound:
            return None, others
        return before, others


async def _load(view: View, db: Database, subject: Subject, template: str, version: str) -> _Files:
    place, found = await load_version(view, db, subject, template, version)
    return _Files(place, found, await sources.read_source(db, subject=subject, version_id=found.id))


async def _save(
    db: Database, cipher: Cipher, file_cache: FileCache, subject: Subject, loaded: _Files, form: Form
) -> TemplateVersion:
    changes = _changes(loaded.files, form)
    version = loaded.version
    file_id = await sources.store_changed(db, subject=subject, version_id=version.id, changes=changes)
    return await sources.create_next(
        db,
        cipher,
        file_cache,
        subject=subject,
        version_id=version.id,
        file_id=file_id,
        name=form.text("name"),
        message=form.get("message", "").strip(),
    )


def _changes(files: dict[str, bytes], form: Form) -> dict[str, bytes | None]:
    """Return what a form changes. Browsers know no ends of lines but their own: a file keeps those that it has."""
    changes: dict[str, bytes | None] = {}
    for name, content in files.items():
        if form.get(f"remove.{name}") == "1":
            changes[name] = None
            continue
        sent = form.get(f"file.{name}")
        text = None if sent is None else text_of(content)
        if text is None or sent is None or sent == text.replace("\r\n", "\n"):
            continue
        changes[name] = (sent.replace("\n", "\r\n") if "\r\n" in text else sent).encode("utf-8", "replace")
    new_name, new_content = form.text("new_name"), form.get("new_content", "")
    if new_name:
        if new_name in files and changes.get(new_name, b"") is not None:
            raise invalid_field("new_name", "There is a file of this name already; change it above.")
        changes[new_name] = new_content.encode("utf-8", "replace")
    elif new_content.strip():
        raise invalid_field("new_name", "Give the new file a name.")
    return changes


def _page(view: View, loaded: _Files, *, form: Form | None = None, problems: Problems = NO_PROBLEMS) -> Response[str]:
    sent = form or Form()
    return view.page(
        "template_files.html",
        status=problems.status,
        place=loaded.place,
        template=loaded.place.template,
        version=loaded.version,
        files=_shown(loaded.files, sent),
        hidden_count=max(0, len(loaded.files) - _MOST_FILES),
        new={name: sent.get(name, "") for name in _NEW},
        problems=problems,
    )


def _shown(files: dict[str, bytes], form: Form) -> list[ShownFile]:
    """Return the files as a page can hold them: what is large, or no text, is only named."""
    found, left = [], _MOST_TOGETHER
    for number, (name, content) in enumerate(list(files.items())[:_MOST_FILES]):
        text, why = None, ""
        # Before it is read: two hundred links may lead to one file of a hundred megabytes.
        if len(content) > min(_MOST_SHOWN, left):
            why = "It is too large to be changed here."
        elif (text := text_of(content)) is None:
            why = "It is not text."
        else:
            left -= len(content)
            text = form.get(f"file.{name}", text)
        is_removed = form.get(f"remove.{name}") == "1"
        found.append(
            ShownFile(id=f"file-{number}", name=name, size=len(content), text=text, why=why, is_removed=is_removed)
        )
    return found


routes: list[Any] = [show_files, save_files, show_comparison]
