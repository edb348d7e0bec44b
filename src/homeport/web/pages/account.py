"""One's own account: profile, password, tokens, and the key for git servers; sessions.py is about sessions."""

import re
from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.login.configured import Providers
from homeport.identity.rules import duration_nanoseconds
from homeport.identity.schemas import (
    CreateTokenRequest,
    UpdateUserPasswordRequest,
    UpdateUserProfileRequest,
    UpdateUserQuietHoursScheduleRequest,
)
from homeport.identity.service import accounts, git_ssh_keys, keys, quiet_hours, tokens
from homeport.identity.service.sessions import list_sessions
from homeport.identity.types import Identity, LoginType
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError, invalid_field
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.memberships import own_memberships
from homeport.web.pages.applications import allowed_applications
from homeport.web.pages.sessions import linked_sign_ins
from homeport.web.rendering import View
from homeport.web.ways import conversions_of

_READ = requires("user:read_personal", is_page=True)
_CHANGE = requires("user:update_personal", is_page=True)
LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year"}
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
Page = Response[str] | Redirect


@get("/account", opt=_READ, include_in_schema=False)
async def show_account(
    view: View, db: Database, identity: Identity, cipher: Cipher, providers: Providers
) -> Response[str]:
    """Show the account."""
    return await _page(view, db, identity, cipher, providers)


@post("/account/profile", opt=_CHANGE, include_in_schema=False, status_code=200)
async def save_profile(view: View, db: Database, identity: Identity, cipher: Cipher, providers: Providers) -> Page:
    """Set username and name."""
    form = await read_form(view.request)
    request = UpdateUserProfileRequest(username=form.text("username"), name=form.text("name"))
    try:
        await accounts.update_profile(db, subject=identity.subject, value="me", request=request)
    except HomeportError as error:
        return await _page(view, db, identity, cipher, providers, form=form, profile=Problems(error))
    return view.go("/account?notice=profile")


@post("/account/password", opt=_CHANGE, include_in_schema=False, status_code=200)
async def save_password(view: View, db: Database, identity: Identity, cipher: Cipher, providers: Providers) -> Page:
    """Set the password; the other sessions end."""
    form = await read_form(view.request)
    request = UpdateUserPasswordRequest(password=form.get("password", ""), old_password=form.get("old_password", ""))
    try:
        await accounts.update_password(db, view.settings, identity=identity, value="me", request=request)
    except HomeportError as error:
        return await _page(view, db, identity, cipher, providers, password=Problems(error))
    return view.go("/account?notice=password")


@post("/account/tokens", opt=requires("api_key:create", is_page=True), include_in_schema=False, status_code=200)
async def create_token(view: View, db: Database, identity: Identity, cipher: Cipher, providers: Providers) -> Page:
    """Make a token and show its secret, this once."""
    form = await read_form(view.request)
    days = form.get("lifetime", "") if form.get("lifetime", "") in LIFETIMES else "7"
    request = CreateTokenRequest(
        token_name=form.text("token_name"), lifetime=duration_nanoseconds(timedelta(days=int(days)))
    )
    try:
        made = await tokens.create_token(db, view.settings, subject=identity.subject, value="me", request=request)
    except HomeportError as error:
        problems = Problems(error)
        # The service names the field of the API's request.
        problems.fields.setdefault("token_name", problems.of("name"))
        return await _page(view, db, identity, cipher, providers, form=form, token=problems)
    return await _page(view, db, identity, cipher, providers, secret=made.key)


@post(
    "/account/tokens/{key:str}/revoke",
    opt=requires("api_key:delete", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def revoke_token(view: View, key: str, db: Database, subject: Subject) -> Page:
    """End a token at once."""
    await read_form(view.request)
    await keys.delete_key(db, subject=subject, value="me", key_id=key)
    return view.go("/account?notice=revoked")


@post("/account/quiet-hours", opt=_CHANGE, include_in_schema=False, status_code=200)
async def save_quiet_hours(view: View, db: Database, identity: Identity, cipher: Cipher, providers: Providers) -> Page:
    """Set the time of day at which a required stop may come, or go back to the deployment's."""
    form = await read_form(view.request)
    try:
        request = UpdateUserQuietHoursScheduleRequest(_schedule(form))
        await quiet_hours.update_quiet_hours(db, view.settings, subject=identity.subject, value="me", request=request)
    except HomeportError as error:
        problems = Problems(error, known=frozenset({"quiet_time", "timezone", "schedule"}))
        # The form has two fields for the one of the API; the time is well formed already.
        if words := problems.fields.pop("schedule", ""):
            problems.fields["timezone"] = words
        return await _page(view, db, identity, cipher, providers, form=form, quiet=problems)
    return view.go("/account?notice=quiet-hours")


@post("/account/git-key", opt=_CHANGE, include_in_schema=False, status_code=200)
async def renew_git_key(view: View, db: Database, subject: Subject, cipher: Cipher) -> Page:
    """Replace the key for git servers."""
    await read_form(view.request)
    await git_ssh_keys.regenerate_git_ssh_key(db, cipher, subject=subject, value="me")
    return view.go("/account?notice=sshkey")


async def _page(
    view: View,
    db: Database,
    identity: Identity,
    cipher: Cipher,
    providers: Providers,
    *,
    form: Form | None = None,
    profile: Problems = NO_PROBLEMS,
    password: Problems = NO_PROBLEMS,
    token: Problems = NO_PROBLEMS,
    quiet: Problems = NO_PROBLEMS,
    secret: str = "",
) -> Response[str]:
    given = form or Form()
    subject = identity.subject
    git_key = await git_ssh_keys.get_git_ssh_key(db, cipher, subject=subject, value="me")
    own = await list_sessions(db, identity=identity, value="me")
    hours = await quiet_hours.get_quiet_hours(db, view.settings, subject=subject, value="me")
    return view.page(
        "account.html",
        status=max(profile.status, password.status, token.status, quiet.status),
        hours=hours,
        quiet_time=given.get("quiet_time", hours.time),
        timezone=given.get("timezone", hours.timezone),
        quiet=quiet,
        username=given.get("username", identity.username),
        name=given.get("name", identity.name),
        token_name=given.get("token_name", ""),
        lifetimes=LIFETIMES,
        memberships=await own_memberships(db, subject),
        applications=await allowed_applications(db, view.settings, subject),
        has_applications=view.settings.oauth2_provider_enable,
        links=await linked_sign_ins(db, providers, subject),
        sessions=[each for each in own if each.kind == "session"],
        tokens=[each for each in own if each.kind == "token"],
        git_key=git_key.public_key.strip(),
        has_password=identity.login_type == LoginType.PASSWORD,
        conversions=conversions_of(providers, login_type=identity.login_type),
        profile=profile,
        password=password,
        token_problems=token,
        secret=secret,
    )


def _schedule(form: Form) -> str:
    """Return the schedule that the fields stand for; empty for the deployment's."""
    if form.get("choice") == "default":
        return ""
    found = _TIME.fullmatch(form.text("quiet_time"))
    if found is None:
        raise invalid_field("quiet_time", "Give a time of day such as 02:30.")
    zone = form.text("timezone") or "UTC"
    if " " in zone:
        raise invalid_field("timezone", "Give the name of a time zone, such as Europe/Berlin.")
    return f"CRON_TZ={zone} {int(found[2])} {int(found[1])} * * *"


routes: list[Any] = [
    show_account,
    save_profile,
    save_password,
    create_token,
    revoke_token,
    save_quiet_hours,
    renew_git_key,
]
