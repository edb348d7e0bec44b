"""A forgotten password: asking for a code by mail, and choosing a new password by it."""

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.errors import PasswordSignInDisabled
from homeport.identity.login.cookies import sign_out_cookies
from homeport.identity.service import passcodes
from homeport.kit.errors import HomeportError
from homeport.kit.routes import public
from homeport.web.forms import NO_PROBLEMS, Form, Problems, field_problem, read_form
from homeport.web.rendering import View, closed

_OPT = public("whoever forgot the password cannot sign in", is_page=True)
_LIMITED = {**_OPT, "rate_limit": "login"}
_FIELDS = frozenset({"email", "one_time_passcode", "password"})
Page = Response[str] | Redirect


@get("/reset-password", opt=_OPT, include_in_schema=False)
async def show_request(view: View) -> Response[str]:
    """Ask whose password was forgotten."""
    _require_passwords(view)
    return _request_page(view)


@post("/reset-password", opt=_LIMITED, include_in_schema=False, status_code=200)
async def request_code(view: View, db: Database) -> Page:
    """Have a code mailed, and go to the page that takes it; the same for every address."""
    form = await read_form(view.request)
    email = form.text("email")
    if not email:
        return _request_page(view, problems=field_problem("email", "Give the e-mail address of your account."))
    await passcodes.request_passcode(db, view.settings, email=email)
    return view.go("/reset-password/change?notice=passcode")


@get("/reset-password/change", opt=_OPT, include_in_schema=False)
async def show_change(view: View) -> Response[str]:
    """Ask for the code and a new password. A link from the mail fills in what stands behind its #."""
    _require_passwords(view)
    return _change_page(view)


@post("/reset-password/change", opt=_LIMITED, include_in_schema=False, status_code=200)
async def change_password(view: View, db: Database) -> Page:
    """Set the new password; every session has ended then, also one of this browser."""
    form = await read_form(view.request)
    given = {"email": form.text("email"), "code": form.text("one_time_passcode"), "password": form.get("password", "")}
    try:
        await passcodes.change_password(db, view.settings, **given)
    except HomeportError as error:
        return _change_page(view, form=form, problems=Problems(error, known=_FIELDS))
    return view.go("/login?notice=password-reset", cookies=tuple(sign_out_cookies(view.settings)))


def _require_passwords(view: View) -> None:
    if view.settings.disable_password_auth:
        raise PasswordSignInDisabled


def _request_page(view: View, *, problems: Problems = NO_PROBLEMS) -> Response[str]:
    return view.page(
        "reset_password.html",
        status=problems.status,
        headers=closed(view),
        problems=problems,
        has_mail=view.settings.has_mail,
    )


def _change_page(view: View, *, form: Form | None = None, problems: Problems = NO_PROBLEMS) -> Response[str]:
    given = form or Form()
    return view.page(
        "choose_password.html",
        status=problems.status,
        headers=closed(view),
        email=given.get("email", ""),
        code=given.get("one_time_passcode", ""),
        problems=problems,
    )


routes: list[Any] = [show_request, request_code, show_change, change_password]
