"""The way in: the root, the first user, signing in and out."""

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.access.errors import REASONS, SIGNED_OUT
from homeport.config import Settings
from homeport.database import Database
from homeport.identity.login import notices
from homeport.identity.login.configured import Providers
from homeport.identity.login.cookies import sign_in_cookies, sign_out_cookies
from homeport.identity.login.password import sign_in
from homeport.identity.login.ways import ways_of
from homeport.identity.schemas import CreateFirstUserRequest
from homeport.identity.service import keys, users
from homeport.identity.types import Identity
from homeport.kit.addresses import local_path
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.routes import authenticated, optional, public
from homeport.web import wording
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form, remaining
from homeport.web.rendering import View, closed, unframed
from homeport.web.ways import PASSWORD_QUERY, ways_to

_LIMITED = {"rate_limit": "login"}
_SETUP_FIELDS = frozenset({"email", "username", "name", "password"})
Page = Response[str] | Redirect


@get(
    "/",
    opt=optional("leads to the workspaces or to the way in", is_page=True),
    include_in_schema=False,
    status_code=303,
)
async def root(view: View) -> Redirect:
    """Lead to the list of workspaces, or to the way in."""
    return view.go("/workspaces" if view.identity else "/login")


@get("/setup", opt=public("nobody can sign in before", is_page=True), include_in_schema=False)
async def show_setup(view: View, db: Database, cipher: Cipher, providers: Providers) -> Page:
    """Show the form for the first user, while there is none."""
    await _require_no_user(db)
    return _setup_page(view, providers, hint=_proven_message(view, cipher))


@post(
    "/setup",
    opt={**public("works once, before anybody can sign in", is_page=True), **_LIMITED},
    include_in_schema=False,
    status_code=200,
)
async def create_first_user(view: View, db: Database, settings: Settings, providers: Providers) -> Page:
    """Create the first user and sign in as them."""
    await _require_no_user(db)
    form = await read_form(view.request)
    email, password = form.text("email"), form.get("password", "")
    try:
        await users.create_first_user(
            db,
            CreateFirstUserRequest(
                email=email, username=form.text("username"), name=form.text("name"), password=password
            ),
        )
    except HomeportError as error:
        problems = Problems(error, known=_SETUP_FIELDS)
        return _setup_page(view, providers, form=form, problems=problems)
    _, token = await sign_in(db, settings, email=email, password=password)
    return view.go("/workspaces", cookies=tuple(sign_in_cookies(settings, token)))


@get("/login", opt=optional("this is how one signs in", is_page=True), include_in_schema=False)
async def show_login(view: View, db: Database, cipher: Cipher, providers: Providers) -> Page:
    """Show the ways to sign in; whoever is signed in goes on, once they have read what there is to say."""
    target = local_path(view.request.query_params.get("redirect", "/"))
    message = _proven_message(view, cipher)
    if view.identity is not None:
        return view.page("signed_in.html", target=target, hint=message) if message else view.go(target)
    if not await users.has_first_user(db):
        return view.go(f"/setup?{view.request.url.query}" if message else "/setup")
    return _login_page(view, providers, target=target, hint=message or _reason(view, target))


@post(
    "/login",
    opt={**public("this is how one signs in", is_page=True), **_LIMITED},
    include_in_schema=False,
    status_code=200,
)
async def log_in(view: View, db: Database, settings: Settings, providers: Providers) -> Page:
    """Sign in by address and password, then go where the person wanted to go."""
    form = await read_form(view.request)
    target = local_path(form.get("redirect", "/"))
    try:
        _, token = await sign_in(db, settings, email=form.text("email"), password=form.get("password", ""))
    except HomeportError as error:
        problems = Problems(error)
        return _login_page(view, providers, email=form.text("email"), target=target, problems=problems)
    return view.go(target, cookies=tuple(sign_in_cookies(settings, token)))


@post("/logout", opt=authenticated(is_page=True), include_in_schema=False, status_code=200)
async def log_out(view: View, identity: Identity, db: Database, settings: Settings) -> Redirect:
    """End this session."""
    await read_form(view.request)
    await keys.sign_out(db, identity)
    return view.go("/login?notice=signed-out", cookies=tuple(sign_out_cookies(settings)))


def _proven_message(view: View, cipher: Cipher) -> str:
    """Return what the server itself wants to have said here: a link must not make this page say something else."""
    query = view.request.query_params
    message = query.get("message", "")
    return message if message and notices.is_ours(cipher, message, query.get("proof", "")) else ""


def _reason(view: View, target: str) -> str:
    """Return why somebody was sent here, in fixed words."""
    if target.startswith("/oauth2/"):
        return wording.AN_APPLICATION_ASKS
    message = view.request.query_params.get("message", "")
    # Whoever comes for the first time is told nothing of an end.
    is_new = message == SIGNED_OUT and target in {"/", "/workspaces"}
    return message if message in REASONS and not is_new else ""


def _setup_page(
    view: View, providers: Providers, *, form: Form | None = None, hint: str = "", problems: Problems = NO_PROBLEMS
) -> Response[str]:
    return view.page(
        "setup.html",
        status=problems.status,
        headers=unframed(view),
        values=remaining(form or {}, "email", "username", "name"),
        problems=problems,
        hint=hint,
        ways=ways_to(ways_of(view.settings, providers), target="/"),
    )


def _login_page(
    view: View,
    providers: Providers,
    *,
    email: str = "",
    target: str,
    hint: str = "",
    problems: Problems = NO_PROBLEMS,
) -> Response[str]:
    known = ways_of(view.settings, providers)
    ways = ways_to(known, target=target)
    name, value = PASSWORD_QUERY
    is_asked_for = view.request.query_params.get(name) == value or bool(problems)
    return view.page(
        "login.html",
        status=problems.status,
        headers=closed(view),
        email=email,
        target=target,
        hint=hint,
        problems=problems,
        ways=ways,
        has_password=known.password.enabled or is_asked_for or not ways,
        has_reset=view.settings.has_mail and known.password.enabled,
        terms_url=view.settings.terms_of_service_url,
    )


async def _require_no_user(db: Database) -> None:
    if await users.has_first_user(db):
        raise NotFound("The first user exists already; sign in instead.")


routes: list[Any] = [root, show_setup, create_first_user, show_login, log_in, log_out]
