"""Signing the command line in by the browser: `homeport login` sends people here when it may not ask for a password."""

from typing import Any

from litestar import Response, get, post

from homeport.database import Database
from homeport.identity.service import keys
from homeport.kit.routes import authenticated, requires
from homeport.rbac import Subject
from homeport.web.forms import read_form
from homeport.web.rendering import View

_CREATE = requires("api_key:create", is_page=True)


@get("/cli-auth", opt=authenticated(is_page=True), include_in_schema=False)
async def show_cli_sign_in(view: View) -> Response[str]:
    """Offer a session token. A link makes none: only the button does."""
    return view.page("cli.html", secret="")


@post("/cli-auth", opt=_CREATE, include_in_schema=False, status_code=200)
async def create_cli_session(view: View, db: Database, subject: Subject) -> Response[str]:
    """Make a session for a program on the person's machine and show its token, this once."""
    await read_form(view.request)
    made = await keys.create_session_key(db, view.settings, subject=subject, value="me")
    return view.page("cli.html", secret=made.key)


routes: list[Any] = [show_cli_sign_in, create_cli_session]
