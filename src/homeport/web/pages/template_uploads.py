"""Templates from archives that people have: a new template, or a new version of one, by a file of the browser."""

from typing import Any

from litestar import Response, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.files.service import FileCache
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError
from homeport.kit.routes import requires
from homeport.rbac import Action, Subject
from homeport.templates.service import access, sources
from homeport.web.forms import Problems
from homeport.web.pages.template_examples import choice_page
from homeport.web.pages.template_versions import versions_page
from homeport.web.rendering import View
from homeport.web.template_place import load_template_place, places_for_templates
from homeport.web.uploads import MOST_BODY, read_upload

_CREATE = requires("template:create", is_page=True)
_UPDATE = requires("template:update", is_page=True)
_KNOWN = frozenset({"file", "name", "message"})
Page = Response[str] | Redirect


@post("/templates/new", opt=_CREATE, include_in_schema=False, status_code=200, request_max_body_size=MOST_BODY)
async def upload_template(view: View, db: Database, subject: Subject, cipher: Cipher, file_cache: FileCache) -> Page:
    """Import an archive and lead to the page on which it becomes a template."""
    sent = await read_upload(view.request)
    if not await places_for_templates(db, subject):
        return await choice_page(view, db, subject, status=403)
    try:
        made = await sources.import_upload(
            db,
            cipher,
            file_cache,
            subject=subject,
            organization=sent.form.text("organization") or "default",
            data=sent.require_data(),
            message=f"Uploaded as {sent.name}",
        )
    except HomeportError as error:
        return await choice_page(view, db, subject, problems=Problems(error, known=_KNOWN))
    return view.go(f"/templates/new/versions/{made.id}")


@post(
    "/templates/{template:str}/versions",
    opt=_UPDATE,
    include_in_schema=False,
    status_code=200,
    request_max_body_size=MOST_BODY,
)
async def upload_version(
    view: View, template: str, db: Database, subject: Subject, cipher: Cipher, file_cache: FileCache
) -> Page:
    """Import an archive as the next version and lead to its page, where the import can be watched."""
    sent = await read_upload(view.request)
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, template, "versions")
        await access.get_template(conn, subject, place.template.id, Action.UPDATE)
    try:
        made = await sources.create_next_of_upload(
            db,
            cipher,
            file_cache,
            subject=subject,
            version_id=place.template.active_version_id,
            data=sent.require_data(),
            name=sent.form.text("name"),
            message=sent.form.get("message", "").strip() or f"Uploaded as {sent.name}",
        )
    except HomeportError as error:
        return await versions_page(view, db, subject, template, problems=Problems(error, known=_KNOWN))
    return view.go(place.version_address(made))


routes: list[Any] = [upload_template, upload_version]
