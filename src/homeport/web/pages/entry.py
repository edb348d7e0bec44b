"""The way in: the root, the first user, signing in and out."""

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.access.errors import REASONS, SIGNED_OUT
from homeport.access.page_policy import sign_in_policy
from homeport.config import Settings
from homeport.database import Database
from homeport.identity.login import notices
from homeport.identity.login.cookies import sign_in_cookies, sign_out_cookies
from homeport.identity.login.password import sign_in
from homeport.identity.schemas import CreateFirstUserRequest
from homeport.identity.service import keys, users
from homeport.identity.types import Identity
from homeport.kit.addresses import local_path
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, NotFound
from homeport.kit.routes import authenticated, optional, public
from homeport.web import wording
from homeport.web.forms import NO_PROBLEMS, Problems, read_form, remaining
from homeport.web.rendering import View

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
async def show_setup(view: View, db: Database) -> Page:
    """Show the form for the first user, while there is none."""
    await _require_no_user(db)
    return view.page("setup.html", values=remaining({}, *_SETUP_FIELDS), problems=NO_PROBLEMS)


@post(
    "/setup",
    opt={**public("works once, before anybody can sign in", is_page=True), **_LIMITED},
    include_in_schema=False,
    status_code=200,
)
async def create_first_user(view: View, db: Database, settings: Settings) -> Page:
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
        values = remaining(form, "email", "username", "name")
        problems = Problems(error, known=_SETUP_FIELDS)
        return view.page("setup.html", status=problems.status, values=values, problems=problems)
    _, token = await sign_in(db, settings, email=email, password=password)
    return view.go("/workspaces", cookies=tuple(sign_in_cookies(settings, token)))


@get("/login", opt=optional("this is how one signs in", is_page=True), include_in_schema=False)
async def show_login(view: View, db: Database, cipher: Cipher) -> Page:
    """Show the sign-in form; whoever is signed in goes on."""
    target = local_path(view.request.query_params.get("redirect", "/"))
    if view.identity is not None:
        return view.go(target)
    if not await users.has_first_user(db):
        return view.go("/setup")
    # Only words of our own are repeated: a link must not make this page say something else.
    if target.startswith("/oauth2/"):
        return _login_page(view, email="", target=target, hint=wording.AN_APPLICATION_ASKS)
    message = view.request.query_params.get("message", "")
    is_ours = message in REASONS or notices.is_ours(cipher, message, view.request.query_params.get("proof", ""))
    # Whoever comes for the first time is told nothing of an end.
    is_new = message == SIGNED_OUT and target in {"/", "/workspaces"}
    return _login_page(view, email="", target=target, hint=message if is_ours and not is_new else "")


@post(
    "/login",
    opt={**public("this is how one signs in", is_page=True), **_LIMITED},
    include_in_schema=False,
    status_code=200,
)
async def log_in(view: View, db: Database, settings: Settings) -> Page:
    """Sign in by address and password, then go where the person wanted to go."""
    form = await read_form(view.request)
    target = local_path(form.get("redirect", "/"))
    try:
        _, token = await sign_in(db, settings, email=form.text("email"), password=form.get("password", ""))
    except HomeportError as error:
        problems = Problems(error)
        return _login_page(view, email=form.text("email"), target=target, problems=problems)
    return view.go(target, cookies=tuple(sign_in_cookies(settings, token)))


@post("/logout", opt=authenticated(is_page=True), include_in_schema=False, status_code=200)
async def log_out(view: View, identity: Identity, db: Database, settings: Settings) -> Redirect:
    """End this session."""
    await read_form(view.request)
    await keys.sign_out(db, identity)
    return view.go("/login?notice=signed-out", cookies=tuple(sign_out_cookies(settings)))


def _login_page(
    view: View, *, email: str, target: str, hint: str = "", problems: Problems = NO_PROBLEMS
) -> Response[str]:
    return view.page(
        "login.html",
        status=problems.status,
        headers=_closed(view),
        email=email,
        target=target,
        hint=hint,
        problems=problems,
        terms_url=view.settings.terms_of_service_url,
    )


def _closed(view: View) -> dict[str, str]:
    """Return the headers of a page on which a secret is typed, and after which an application's request may go on."""
    policy = sign_in_policy(view.settings, view.request.headers.get("host", ""))
    return {"content-security-policy": policy, "x-frame-options": "DENY", "referrer-policy": "no-referrer"}


async def _require_no_user(db: Database) -> None:
    if await users.has_first_user(db):
        raise NotFound("The first user exists already; sign in instead.")


routes: list[Any] = [root, show_setup, create_first_user, show_login, log_in, log_out]
