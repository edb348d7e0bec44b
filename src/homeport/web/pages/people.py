"""Users, for those who administer them: the list, and making an account."""

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.identity.rules import user_object
from homeport.identity.schemas import CreateUserRequestWithOrgs, GetUsersResponse
from homeport.identity.service import users
from homeport.kit.errors import BadRequest, HomeportError
from homeport.kit.routes import requires
from homeport.rbac import Action, Subject, is_allowed, require
from homeport.web.forms import NO_PROBLEMS, Problems, read_form, remaining
from homeport.web.pages.workspaces import PAGE_SIZE, page_number, window
from homeport.web.rendering import View

_FIELDS = ("email", "username", "name")


@get("/users", opt=requires("user:read", is_page=True), include_in_schema=False)
async def show_users(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the accounts that one may read, and a search among them."""
    query = view.request.query_params
    search, number = query.get("q", "")[:2000], page_number(query.get("page", ""))
    problems, found = NO_PROBLEMS, GetUsersResponse([], 0)
    try:
        found = await users.list_users(db, subject=subject, query=search, page=window(number))
    except BadRequest as error:
        problems = Problems(error, known=frozenset())
    return view.page(
        "users.html",
        status=problems.status,
        users=found.users,
        count=found.count,
        search=search,
        number=number,
        page_size=PAGE_SIZE,
        problems=problems,
        can_create=is_allowed(subject, Action.CREATE, user_object()),
    )


@get("/users/new", opt=requires("user:create", is_page=True), include_in_schema=False)
async def show_form(view: View, subject: Subject) -> Response[str]:
    """Show the form of a new account."""
    require(subject, Action.CREATE, user_object(), noun="user")
    return view.page("new_user.html", values=remaining({}, *_FIELDS), problems=NO_PROBLEMS)


@post("/users/new", opt=requires("user:create", is_page=True), include_in_schema=False, status_code=200)
async def create_user(view: View, db: Database, subject: Subject) -> Response[str] | Redirect:
    """Make an account that signs in by password, in the default organization."""
    form = await read_form(view.request)
    request = CreateUserRequestWithOrgs(
        email=form.text("email"),
        username=form.text("username"),
        name=form.text("name"),
        password=form.get("password", ""),
        login_type="password",
    )
    try:
        require(subject, Action.CREATE, user_object(), noun="user")
        await users.create_user(db, subject=subject, request=request)
    except BadRequest as error:
        problems = Problems(error, known=frozenset({*_FIELDS, "password"}))
    except HomeportError as error:
        if error.status != 409:
            raise
        problems = Problems(error, known=frozenset(_FIELDS))
    else:
        return view.go("/users?notice=user")
    return view.page("new_user.html", status=problems.status, values=remaining(form, *_FIELDS), problems=problems)


routes: list[Any] = [show_users, show_form, create_user]
