"""Sessions and tokens of another account, for those who administer users: tokens of service accounts, and signing somebody out."""

from datetime import timedelta
from typing import Any

from litestar import Response, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.rules import duration_nanoseconds
from homeport.identity.schemas import CreateTokenRequest
from homeport.identity.service import keys, tokens, users
from homeport.identity.service.sessions import Ending, end_sessions
from homeport.identity.types import Identity
from homeport.kit.errors import HomeportError
from homeport.kit.routes import requires
from homeport.web.forms import Problems, read_form
from homeport.web.pages.account import LIFETIMES
from homeport.web.pages.person import path_of, person_page
from homeport.web.rendering import View

_PATH = "/users/{user:str}"
_DELETE = requires("api_key:delete", is_page=True)
Page = Response[str] | Redirect


@post(f"{_PATH}/tokens", opt=requires("api_key:create", is_page=True), include_in_schema=False, status_code=200)
async def create_token(view: View, user: str, db: Database, identity: Identity) -> Page:
    """Make a token of a service account and show its secret, this once."""
    form = await read_form(view.request)
    days = form.get("lifetime", "") if form.get("lifetime", "") in LIFETIMES else "7"
    known = await users.get_user(db, subject=identity.subject, value=user)
    lifetime = duration_nanoseconds(timedelta(days=int(days)))
    request = CreateTokenRequest(token_name=form.text("token_name"), lifetime=lifetime)
    try:
        made = await tokens.create_token(
            db, view.settings, subject=identity.subject, value=str(known.id), request=request
        )
    except HomeportError as error:
        problems = Problems(error)
        # The service names the field of the API's request.
        problems.fields.setdefault("token_name", problems.of("name"))
        return await person_page(view, db, identity, user, form=form, token=problems)
    return await person_page(view, db, identity, user, secret=made.key)


@post(f"{_PATH}/keys/{{key:str}}/revoke", opt=_DELETE, include_in_schema=False, status_code=200)
async def revoke_key(view: View, user: str, key: str, db: Database, identity: Identity) -> Redirect:
    """End a session or token of somebody at once."""
    await read_form(view.request)
    known = await users.get_user(db, subject=identity.subject, value=user)
    await keys.delete_key(db, subject=identity.subject, value=str(known.id), key_id=key)
    return view.go(f"{path_of(known)}?notice=key-gone#keys")


@post(f"{_PATH}/sign-out", opt=_DELETE, include_in_schema=False, status_code=200)
async def sign_out(view: View, user: str, db: Database, identity: Identity) -> Redirect:
    """Sign somebody out everywhere, and end what else is ticked."""
    form = await read_form(view.request)
    known = await users.get_user(db, subject=identity.subject, value=user)
    ending = Ending(has_tokens="tokens" in form, has_applications="applications" in form)
    await end_sessions(db, identity=identity, value=str(known.id), ending=ending)
    return view.go(f"{path_of(known)}?notice=person-out#keys")


routes: list[Any] = [create_token, revoke_key, sign_out]
