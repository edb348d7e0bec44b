"""The consent page: a client asks, a person answers (RFC 6749 section 4.1).

GET with the request in the query shows the page, or answers at once where nobody needs to be asked. POST to the same address
is the answer: the form's, or that of a program, which sends its session in a header and needs no form. A POST whose request
is in the body begins one, as RFC 6749 section 3.1 allows, and goes on with GET.
"""

from typing import Any, Final, cast

from litestar import Response, get, post

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.login.cookies import sign_out_cookies
from homeport.identity.types import Identity
from homeport.kit.crypto import Cipher
from homeport.kit.routes import optional
from homeport.oauth2.rules import redirects
from homeport.oauth2.rules.authorization import AuthorizationRequest, read_pairs, read_request
from homeport.oauth2.rules.wording import has_private_scheme
from homeport.oauth2.service.authorizing import (
    Answer,
    Decision,
    Question,
    SignIn,
    consider,
    decide,
    switch_account,
)
from homeport.oauth2.service.form_tokens import StaleForm
from homeport.web.asking import shown_client
from homeport.web.bare import Reply, bare_page, read_answer, reply_of, see_other, to_sign_in, wants_html
from homeport.web.rendering import PageRequest

PATH: Final = "/oauth2/authorize"
_OPT = {**optional("strangers sign in first, and the request is kept", is_page=True), "rate_limit": "authorize"}
Page = Response[str] | Response[bytes]


@get(PATH, opt=_OPT, include_in_schema=False)
async def show_request(
    request: PageRequest, db: Database, settings: Settings, cipher: Cipher, optional_identity: Identity | None
) -> Page:
    """Show what a client asks for, or go on where that is decided already."""
    asked = read_request(read_pairs(request.scope["query_string"]))
    outcome = await consider(db, settings, cipher, request=asked, identity=optional_identity)
    return _page(settings, optional_identity, asked, outcome)


@post(PATH, opt=_OPT, include_in_schema=False, status_code=200)
async def answer_request(
    request: PageRequest, db: Database, settings: Settings, cipher: Cipher, optional_identity: Identity | None
) -> Page:
    """Take a person's answer, or begin a request that stands in the body."""
    fields, query = await read_answer(request), request.scope["query_string"]
    if not query:
        return see_other(f"{PATH}?{read_request(fields).query}")
    asked, reply = read_request(read_pairs(query)), reply_of(request, fields)
    try:
        return await _answered(db, settings, cipher, asked, optional_identity, reply)
    except StaleForm as error:
        if not wants_html(request):
            raise
        again = await consider(db, settings, cipher, request=asked, identity=optional_identity, is_asked_again=True)
        return _page(settings, optional_identity, asked, again, status=error.status, note=error.message)


async def _answered(
    db: Database,
    settings: Settings,
    cipher: Cipher,
    asked: AuthorizationRequest,
    identity: Identity | None,
    reply: Reply,
) -> Page:
    if reply.decision == "switch" and identity is not None:
        await switch_account(db, settings, cipher, request=asked, identity=identity, token=reply.token or "")
        return to_sign_in(f"{PATH}?{asked.query}", cookies=sign_out_cookies(settings))
    outcome = await decide(
        db,
        settings,
        cipher,
        request=asked,
        identity=identity,
        decision=cast("Decision", reply.decision),
        token=reply.token,
    )
    return _page(settings, identity, asked, outcome)


def _page(
    settings: Settings,
    identity: Identity | None,
    asked: AuthorizationRequest,
    outcome: Answer | SignIn | Question,
    *,
    status: int = 200,
    note: str = "",
) -> Page:
    if isinstance(outcome, Answer):
        return see_other(outcome.location)
    if isinstance(outcome, SignIn):
        return to_sign_in(f"{PATH}?{asked.query}")
    wanted, redirect_uri = outcome.asked, outcome.redirect_uri
    client = shown_client(
        outcome.app,
        scopes=wanted.scopes,
        resource=wanted.resource,
        access_url=settings.access_url,
        is_default=wanted.is_default,
    )
    return bare_page(
        "consent.html",
        status=status,
        note=note,
        client=client,
        identity=identity,
        action=f"{PATH}?{asked.query}",
        csrf_token=outcome.token,
        cancel=outcome.cancel,
        redirect_host=redirects.host_of(redirect_uri),
        is_loopback=redirects.is_loopback(redirect_uri),
        is_private=has_private_scheme(redirect_uri),
    )


routes: list[Any] = [show_request, answer_request]
