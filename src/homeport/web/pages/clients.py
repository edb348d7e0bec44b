"""OAuth2 applications, for those who administer them: the list, registering one, its secrets, who has allowed it, its end."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.kit.errors import BadRequest, HomeportError, NotFound
from homeport.kit.http import MAX_PAGE, page
from homeport.kit.routes import requires
from homeport.oauth2.rules import redirects
from homeport.oauth2.rules.objects import APP
from homeport.oauth2.rules.scopes import ADVERTISED_SCOPES
from homeport.oauth2.rules.wording import scope_words, shown_name
from homeport.oauth2.schemas.management import (
    OAuth2ProviderApp,
    PostOAuth2ProviderAppRequest,
    PutOAuth2ProviderAppRequest,
    PutOAuth2ProviderSettingsRequest,
)
from homeport.oauth2.service import apps, grants
from homeport.oauth2.service import settings as provider_settings
from homeport.rbac import Action, Subject, require
from homeport.web.forms import NO_PROBLEMS, Form, Problems, read_form
from homeport.web.pages.workspaces import PAGE_SIZE, page_number, window
from homeport.web.rendering import View

_MANAGE = requires("oauth2_app:update", is_page=True)
_FIELDS = frozenset({"name", "callback_url", "client_type", "scope"})
_PATH = "/applications/{app:str}"
Page = Response[str] | Redirect


@get("/applications", opt=_MANAGE, include_in_schema=False)
async def show_clients(view: View, db: Database, subject: Subject) -> Response[str]:
    """Show the applications, a search among them, and the switch of registration by applications themselves."""
    _require(view, subject)
    query = view.request.query_params
    search, number = query.get("q", "")[:2000], page_number(query.get("page", ""))
    found = await apps.list_apps(db, view.settings, subject=subject, text=search, page=window(number))
    return view.page(
        "clients.html",
        clients=found.apps,
        count=found.count,
        search=search,
        number=number,
        page_size=PAGE_SIZE,
        shown_name=shown_name,
        hosts=_hosts,
        decided=await provider_settings.read_settings(db, view.settings, subject=subject),
        has_documents=view.settings.oauth2_client_metadata_documents,
    )


@post("/applications/registration", opt=_MANAGE, include_in_schema=False, status_code=200)
async def switch_registration(view: View, db: Database, subject: Subject) -> Redirect:
    """Let applications register themselves, or stop it."""
    form = await read_form(view.request)
    _require(view, subject)
    request = PutOAuth2ProviderSettingsRequest(form.get("registration") == "on")
    await provider_settings.update_settings(db, view.settings, subject=subject, request=request)
    return view.go("/applications?notice=registration")


@get("/applications/new", opt=requires("oauth2_app:create", is_page=True), include_in_schema=False)
async def show_form(view: View, subject: Subject) -> Response[str]:
    """Show the form of a new application."""
    _require(view, subject, Action.CREATE)
    return _form_page(view, Form(), NO_PROBLEMS)


@post("/applications/new", opt=requires("oauth2_app:create", is_page=True), include_in_schema=False, status_code=200)
async def create_client(view: View, db: Database, subject: Subject) -> Page:
    """Register an application; a confidential one gets its first secret on its page."""
    form = await read_form(view.request)
    _require(view, subject, Action.CREATE)
    request = PostOAuth2ProviderAppRequest(
        name=form.text("name"),
        redirect_uris=form.text("callback_url").split(),
        client_type=form.text("client_type") or "confidential",
        scope=" ".join(form.all_of("scope")),
    )
    try:
        made = await apps.create_app(db, view.settings, subject=subject, request=request)
    except BadRequest as error:
        return _form_page(view, form, _problems(error))
    return view.go(f"/applications/{made.id}?notice=registered")


@get(_PATH, opt=_MANAGE, include_in_schema=False)
async def show_client(view: View, app: str, db: Database, subject: Subject) -> Response[str]:
    """Show an application."""
    _require(view, subject)
    return await _client_page(view, db, subject, _id(app))


@post(_PATH, opt=_MANAGE, include_in_schema=False, status_code=200)
async def change_client(view: View, app: str, db: Database, subject: Subject) -> Page:
    """Set name, addresses and scopes."""
    form = await read_form(view.request)
    _require(view, subject)
    known = await apps.read_app(db, view.settings, subject=subject, app_id=_id(app))
    request = PutOAuth2ProviderAppRequest(
        name=form.text("name"),
        icon=known.icon,
        redirect_uris=form.text("callback_url").split(),
        # What an application names for itself becomes no limit by saving the form.
        scope=None if set(form.all_of("scope")) == set(known.scope_limit.split()) else " ".join(form.all_of("scope")),
    )
    try:
        await apps.update_app(db, view.settings, subject=subject, app_id=known.id, request=request)
    except HomeportError as error:
        return await _client_page(view, db, subject, known.id, form=form, problems=_problems(error))
    return view.go(f"/applications/{known.id}?notice=changed")


@post(
    f"{_PATH}/secrets",
    opt=requires("oauth2_app_secret:create", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def create_secret(view: View, app: str, db: Database, subject: Subject) -> Response[str]:
    """Make a secret and show it, this once."""
    await read_form(view.request)
    _require(view, subject)
    try:
        made = await apps.create_secret(db, subject=subject, app_id=_id(app))
    except BadRequest as error:
        return await _client_page(view, db, subject, _id(app), secret_problems=Problems(error))
    return await _client_page(view, db, subject, _id(app), secret=made.client_secret_full)


@post(
    f"{_PATH}/secrets/{{secret:str}}/delete",
    opt=requires("oauth2_app_secret:delete", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def delete_secret(view: View, app: str, secret: str, db: Database, subject: Subject) -> Redirect:
    """Delete a secret with the tokens that were issued through it."""
    await read_form(view.request)
    _require(view, subject)
    await apps.delete_secret(db, subject=subject, app_id=_id(app), secret_id=_id(secret))
    return view.go(f"/applications/{_id(app)}?notice=secret")


@post(
    f"{_PATH}/grants/{{grant:str}}/revoke",
    opt=requires("oauth2_app_code_token:delete", is_page=True),
    include_in_schema=False,
    status_code=200,
)
async def revoke_grant(view: View, app: str, grant: str, db: Database, subject: Subject) -> Redirect:
    """End what a person has allowed the application."""
    await read_form(view.request)
    _require(view, subject)
    await grants.revoke_grant(db, subject=subject, grant_id=_id(grant))
    return view.go(f"/applications/{_id(app)}?notice=application")


@get(f"{_PATH}/delete", opt=requires("oauth2_app:delete", is_page=True), include_in_schema=False)
async def confirm_deletion(view: View, app: str, db: Database, subject: Subject) -> Response[str]:
    """Ask before an application goes."""
    _require(view, subject, Action.DELETE)
    return await _deletion_page(view, db, subject, _id(app), NO_PROBLEMS)


@post(f"{_PATH}/delete", opt=requires("oauth2_app:delete", is_page=True), include_in_schema=False, status_code=200)
async def delete_client(view: View, app: str, db: Database, subject: Subject) -> Page:
    """Delete an application with everything that it was granted, once its name was typed."""
    form = await read_form(view.request)
    _require(view, subject, Action.DELETE)
    known = await apps.read_app(db, view.settings, subject=subject, app_id=_id(app))
    if form.text("confirm") != shown_name(known.name):
        problems = Problems()
        problems.status, problems.fields["confirm"] = 400, "This is not the name of the application."
        return await _deletion_page(view, db, subject, known.id, problems)
    await apps.delete_app(db, subject=subject, app_id=known.id)
    return view.go("/applications?notice=gone")


async def _client_page(
    view: View,
    db: Database,
    subject: Subject,
    app_id: UUID,
    *,
    form: Form | None = None,
    problems: Problems = NO_PROBLEMS,
    secret: str = "",
    secret_problems: Problems = NO_PROBLEMS,
) -> Response[str]:
    app = await apps.read_app(db, view.settings, subject=subject, app_id=app_id)
    allowed = await grants.list_grants(
        db, view.settings, subject=subject, client_id=app.client_id, page=page(limit=MAX_PAGE)
    )
    has_secrets = app.token_endpoint_auth_method in {"client_secret_basic", "client_secret_post"}
    return view.page(
        "client.html",
        status=problems.status if problems else secret_problems.status,
        app=app,
        name=shown_name(app.name),
        values=_values(app, form),
        scopes=_scopes(app.scope_limit if form is None else " ".join(form.all_of("scope"))),
        problems=problems,
        secret=secret,
        secret_problems=secret_problems,
        has_secrets=has_secrets,
        secrets=await apps.list_secrets(db, subject=subject, app_id=app_id) if has_secrets else [],
        grants=allowed,
    )


async def _deletion_page(view: View, db: Database, subject: Subject, app_id: UUID, problems: Problems) -> Response[str]:
    app = await apps.read_app(db, view.settings, subject=subject, app_id=app_id)
    return view.page(
        "delete_client.html", status=problems.status, app=app, name=shown_name(app.name), problems=problems
    )


def _form_page(view: View, form: Form, problems: Problems) -> Response[str]:
    return view.page(
        "new_client.html",
        status=problems.status,
        values={
            "name": form.text("name"),
            "callback_url": form.text("callback_url"),
            "client_type": form.text("client_type") or "confidential",
        },
        scopes=_scopes(" ".join(form.all_of("scope"))),
        problems=problems,
    )


def _hosts(uris: list[str]) -> list[str]:
    """Return where people are sent, each host once; a scheme of an application's own stands for itself."""
    return list(dict.fromkeys(redirects.host_of(uri) for uri in uris))


def _values(app: OAuth2ProviderApp, form: Form | None) -> dict[str, str]:
    if form is None:
        return {"name": app.name, "callback_url": "\n".join(app.redirect_uris)}
    return {"name": form.text("name"), "callback_url": form.text("callback_url")}


def _scopes(chosen: str) -> list[tuple[str, str, bool]]:
    """Return the scopes to choose from: name, what it allows, whether it is chosen. One that is chosen is among them."""
    names = dict.fromkeys([*ADVERTISED_SCOPES, *chosen.split()])
    return [(name, scope_words(name), name in chosen.split()) for name in names]


def _problems(error: HomeportError) -> Problems:
    found = Problems(error, known=_FIELDS | {"redirect_uris"})
    # The form has one field for all addresses.
    if words := found.fields.pop("redirect_uris", ""):
        found.fields.setdefault("callback_url", words)
    return found


def _require(view: View, subject: Subject, action: Action = Action.UPDATE) -> None:
    """Raise 403 for whoever may not, 404 where the authorization server is switched off."""
    require(subject, action, APP, noun="OAuth2 application")
    if not view.settings.oauth2_provider_enable:
        raise NotFound("The authorization server is switched off by the setting OAUTH2_PROVIDER_ENABLE.")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such OAuth2 application.") from None


routes: list[Any] = [
    show_clients,
    switch_registration,
    show_form,
    create_client,
    show_client,
    change_client,
    create_secret,
    delete_secret,
    revoke_grant,
    confirm_deletion,
    delete_client,
]
