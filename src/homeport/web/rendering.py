"""Pages from templates: one environment, one layout, the same headers on every answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect
from markupsafe import Markup

from homeport.access.page_policy import sign_in_policy
from homeport.access.providers import IDENTITY
from homeport.config import Settings
from homeport.identity.login.cookies import csrf_cookie
from homeport.identity.types import CSRF_COOKIE, Identity
from homeport.kit import clock
from homeport.kit.ids import random_text
from homeport.rbac import Action, Object, ResourceType, is_allowed
from homeport.web import wording
from homeport.web.assets import static_url
from homeport.web.logs import may_read
from homeport.web.markdown import render_inline, render_markdown

NO_STORE = {"cache-control": "no-store"}
_CSRF_LENGTH = 43
PageRequest = Request[Any, Any, Any]


def _moment(value: Any) -> Markup:
    if value is None:
        return Markup("never")
    words = wording.how_long_ago(value, clock.now())
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(), value.strftime("%Y-%m-%d %H:%M:%S UTC"), words
    )


def _ending(value: Any) -> Markup:
    """Say when something ends, or that it has ended."""
    return ("ends " if value > clock.now() else "ended ") + _moment(value)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        moment=_moment,
        ending=_ending,
        kind=wording.status_kind,
        readable=wording.readable,
        emblem=wording.emblem,
        markdown=render_markdown,
        inline_markdown=render_inline,
    )
    made.globals.update(
        static=static_url,
        duration=wording.duration,
        transition_words=wording.TRANSITION_WORDS,
        way_words=wording.WAY_WORDS,
    )
    return made


_ENVIRONMENT = _environment()


class View:
    """One request as pages see it: who asks, the form token, and how to answer."""

    def __init__(self, request: PageRequest, settings: Settings, identity: Identity | None) -> None:
        self.request = request
        self.settings = settings
        self.identity = identity
        known = request.cookies.get(CSRF_COOKIE, "")
        self.csrf_token = known if len(known) == _CSRF_LENGTH and known.isalnum() else random_text(_CSRF_LENGTH)
        self._is_token_new = self.csrf_token != known

    def page(
        self,
        template: str,
        /,
        *,
        status: int = 200,
        cookies: tuple[Cookie, ...] = (),
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response[str]:
        """Render a template into an answer that no cache keeps."""
        found = list(cookies)
        if self._is_token_new and not any(cookie.key == CSRF_COOKIE for cookie in found):
            found.append(csrf_cookie(self.settings, self.csrf_token))
        text = render(self.request, template, identity=self.identity, csrf_token=self.csrf_token, **context)
        all_headers = {**NO_STORE, **(headers or {})}
        return Response(text, status_code=status, media_type=MediaType.HTML, headers=all_headers, cookies=found)

    def go(self, path: str, *, cookies: tuple[Cookie, ...] = ()) -> Redirect:
        """Send the browser to a path of ours, with GET."""
        return Redirect(path, status_code=303, headers=NO_STORE, cookies=list(cookies))


def unframed(view: View) -> dict[str, str]:
    """Return the headers of a page on which a secret is typed, and whose form may lead on to a provider."""
    policy = sign_in_policy(view.settings, view.request.headers.get("host", ""))
    return {"content-security-policy": policy, "x-frame-options": "DENY"}


def closed(view: View) -> dict[str, str]:
    """Return those of a page whose address may hold an application's request: it sends no referrer either.

    Browsers then say no origin with its form, so `access.rules` has to know its path.
    """
    return {**unframed(view), "referrer-policy": "no-referrer"}


def provide_view(request: PageRequest, settings: Settings, optional_identity: Identity | None) -> View:
    """Return the view of a request; injected into every page's handler as `view`."""
    return View(request, settings, optional_identity)


def render(
    request: PageRequest, template: str, /, *, identity: Identity | None, csrf_token: str, **context: Any
) -> str:
    """Return the HTML of a template with what the layout needs."""
    return _ENVIRONMENT.get_template(template).render(
        identity=identity,
        csrf_token=csrf_token,
        path=request.url.path,
        navigation=_navigation(identity, request.url.path),
        notice=wording.NOTICES.get(request.query_params.get("notice", ""), ""),
        **context,
    )


def render_bare(template: str, /, **context: Any) -> str:
    """Return the HTML of a template that is not on the layout: it has neither navigation nor a form token of the session."""
    return _ENVIRONMENT.get_template(template).render(**context)


def error_page(request: PageRequest, status: int, message: str, detail: str = "") -> Response[str]:
    """Return a page that says what went wrong. The form token is only used when the browser holds one."""
    identity: Identity | None = request.scope.get(IDENTITY)  # type: ignore[assignment]  # put there by the middleware
    token = request.cookies.get(CSRF_COOKIE, "")
    text = render(
        request, "error.html", identity=identity, csrf_token=token, status=status, message=message, detail=detail
    )
    return Response(text, status_code=status, media_type=MediaType.HTML, headers=NO_STORE)


def _navigation(identity: Identity | None, path: str) -> list[tuple[str, str, bool]]:
    """Return the links of the head: words, path, whether the page is below it. Only what the person may read."""
    if identity is None:
        return []
    links = [("Workspaces", "/workspaces"), ("Templates", "/templates")]
    if is_allowed(identity.subject, Action.READ, Object(ResourceType.ORGANIZATION, any_organization=True)):
        links.append(("Organizations", "/organizations"))
    if is_allowed(identity.subject, Action.READ, Object(ResourceType.USER)):
        links.append(("Users", "/users"))
    if is_allowed(identity.subject, Action.UPDATE, Object(ResourceType.OAUTH2_APP)):
        links.append(("Applications", "/applications"))
    if may_read(identity.subject, ResourceType.AUDIT_LOG):
        links.append(("Audit", "/audit"))
    elif may_read(identity.subject, ResourceType.CONNECTION_LOG):
        links.append(("Connections", "/connectionlog"))
    if path == "/connectionlog" and ("Audit", "/audit") in links:
        path = "/audit"
    is_workspace = path.startswith(("/@", "/workspaces")) or path.endswith("/workspace")
    return [
        (words, link, is_workspace if link == "/workspaces" else not is_workspace and f"{path}/".startswith(f"{link}/"))
        for words, link in links
    ]
