"""The part of the account page about where one is signed in: linked sign-ins, sessions, and their end."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.login.configured import Providers
from homeport.identity.login.cookies import sign_out_cookies
from homeport.identity.service import keys, links
from homeport.identity.service.sessions import Ending, end_sessions
from homeport.identity.types import Identity, LoginType
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.web.forms import read_form
from homeport.web.rendering import View
from homeport.web.wording import WAY_WORDS

_DELETE = requires("api_key:delete", is_page=True)


class LinkedSignIn(msgspec.Struct, frozen=True):
    """An account at a provider as the account page shows it. `ends_at` is when what the provider gave has to be renewed."""

    provider: str
    is_configured: bool
    since: datetime
    refreshed_at: datetime
    ends_at: datetime | None


async def linked_sign_ins(db: Database, providers: Providers, subject: Subject) -> list[LinkedSignIn]:
    """Return the accounts at providers that one's own is linked to."""
    found = []
    for row in await links.list_links(db, subject=subject, value="me"):
        kind = LoginType(row.login_type)
        provider = providers.find(kind)
        name = provider.name if provider is not None else WAY_WORDS.get(kind, kind)
        found.append(LinkedSignIn(name, provider is not None, row.created_at, row.updated_at, row.oauth_expiry))
    return found


@post("/account/sessions/{key:str}/revoke", opt=_DELETE, include_in_schema=False, status_code=200)
async def revoke_session(view: View, key: str, db: Database, identity: Identity) -> Redirect:
    """End one session at once; one's own means to sign out."""
    await read_form(view.request)
    await keys.delete_key(db, subject=identity.subject, value="me", key_id=key)
    if key == identity.key_id:
        return view.go("/login?notice=signed-out", cookies=tuple(sign_out_cookies(view.settings)))
    return view.go("/account?notice=session#sessions")


@post("/account/sessions/end", opt=_DELETE, include_in_schema=False, status_code=200)
async def end_other_sessions(view: View, db: Database, identity: Identity) -> Redirect:
    """End all sessions but this one."""
    await read_form(view.request)
    await end_sessions(db, identity=identity, value="me", ending=Ending(is_current_kept=True))
    return view.go("/account?notice=sessions#sessions")


@post("/account/sign-out", opt=_DELETE, include_in_schema=False, status_code=200)
async def sign_out_everywhere(view: View, db: Database, identity: Identity) -> Redirect:
    """End every session, this one too, and what else is ticked."""
    form = await read_form(view.request)
    ending = Ending(has_tokens="tokens" in form, has_applications="applications" in form)
    await end_sessions(db, identity=identity, value="me", ending=ending)
    return view.go("/login?notice=signed-out-everywhere", cookies=tuple(sign_out_cookies(view.settings)))


routes: list[Any] = [revoke_session, end_other_sessions, sign_out_everywhere]
