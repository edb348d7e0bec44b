"""The page on which people let their account sign in by a provider from now on, and no more by password (spec: identity 7.6)."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.login import github, oidc
from homeport.identity.login.configured import Providers
from homeport.identity.login.converting import begin_conversion, conversion_cookie
from homeport.identity.service import accounts
from homeport.identity.types import Identity, LoginType
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError
from homeport.kit.routes import requires
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.rendering import View, unframed
from homeport.web.ways import conversions_of

_OPT = requires("user:update_personal", is_page=True)
_CALLBACKS = {LoginType.GITHUB: github.CALLBACK, LoginType.OIDC: oidc.CALLBACK}
_FIELDS = frozenset({"to_type", "password"})
Page = Response[str] | Redirect


@get("/account/convert", opt=_OPT, include_in_schema=False)
async def show_conversion(view: View, db: Database, identity: Identity, providers: Providers) -> Page:
    """Ask for the provider and the password."""
    return await _page(view, db, identity, providers)


@post("/account/convert", opt={**_OPT, "rate_limit": "login"}, include_in_schema=False, status_code=200)
async def start_conversion(
    view: View, db: Database, settings: Settings, cipher: Cipher, identity: Identity, providers: Providers
) -> Page:
    """Check the password and go on to the provider, which leads back to where the conversion ends."""
    form = await read_form(view.request)
    given = {"to_type": form.text("to_type"), "password": form.get("password", "")}
    try:
        made = await begin_conversion(db, settings, providers, identity=identity, value="me", **given)
    except HomeportError as error:
        return await _page(view, db, identity, providers, form=form, problems=Problems(error, known=_FIELDS))
    query = urlencode({"oidc_merge_state": made.state})
    cookie = conversion_cookie(settings, cipher, made)
    return view.go(f"{_CALLBACKS[made.to_login_type]}?{query}", cookies=(cookie,))


async def _page(
    view: View,
    db: Database,
    identity: Identity,
    providers: Providers,
    *,
    form: Form | None = None,
    problems: Problems = NO_PROBLEMS,
) -> Response[str]:
    kind = await accounts.get_login_type(db, subject=identity.subject, value="me")
    choices = conversions_of(providers, login_type=kind.login_type)
    return view.page(
        "convert.html",
        status=problems.status,
        headers=unframed(view),
        choices=choices,
        login_type=kind.login_type,
        chosen=(form.text("to_type") if form else "") or next(iter(choices), ""),
        problems=problems,
    )


routes: list[Any] = [show_conversion, start_conversion]
