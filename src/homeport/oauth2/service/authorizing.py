"""From an authorization request to an answer for the client (RFC 6749 section 4.1), by way of a person.

A request is wrong in one of three ways. Where the client or its address is not certain, the error is raised and stays on our
page. Other errors go to the client's address; but those of a client that nobody has allowed anything yet wait until a person
has signed in, so that no stranger's link is bounced on to a stranger's address (OAuth 2.1 section 7.13.2).
"""

from typing import Final, Literal

import msgspec

from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.identity.service.keys import sign_out
from homeport.identity.types import Identity
from homeport.kit.crypto import Cipher
from homeport.oauth2.errors import OAuthError, invalid_client, invalid_request
from homeport.oauth2.queries import grants as queries
from homeport.oauth2.rules import redirects
from homeport.oauth2.rules.authorization import (
    Asked,
    AuthorizationRequest,
    answer,
    can_be_silent,
    error_answer,
    grant_resource,
    judged,
    redirect_of,
)
from homeport.oauth2.service.clients import find_client
from homeport.oauth2.service.form_tokens import new_form_token, spend_form_token
from homeport.oauth2.service.grants import hold_parties, issue_code, record_denial, record_grant, require_person
from homeport.oauth2.types import AppRow, ClientKind, GrantRow

Decision = Literal["allow", "deny"]

_PURPOSE: Final = "oauth2 consent"
_DENIED: Final = OAuthError("access_denied", "The person has refused.")


class Answer(msgspec.Struct, frozen=True):
    """Send the browser back to the client."""

    location: str


class SignIn(msgspec.Struct, frozen=True):
    """Let somebody sign in, then take the request up again."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked. `token` makes one answer good; `cancel` is the address that tells the client of a refusal."""

    request: AuthorizationRequest
    app: AppRow
    redirect_uri: str
    asked: Asked
    token: str
    cancel: str


class _Case(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose client and address are certain. `error`: what is wrong with the rest of it."""

    request: AuthorizationRequest
    app: AppRow
    redirect_uri: str
    issuer: str
    asked: Asked | None = None
    error: OAuthError | None = None

    def refused(self, error: OAuthError) -> Answer:
        """Tell the client of an error."""
        return Answer(error_answer(self.redirect_uri, error, issuer=self.issuer, state=self.request.state))

    def given(self, code: str) -> Answer:
        """Give the client its code."""
        parameters = [("code", code)]
        return Answer(answer(self.redirect_uri, issuer=self.issuer, state=self.request.state, parameters=parameters))

    @property
    def wanted(self) -> Asked:
        """What is asked for, where nothing is wrong with it."""
        assert self.asked is not None
        return self.asked

    @property
    def facts(self) -> list[object]:
        """All that the page shows or the code will hold."""
        app, asked = self.app, self.wanted
        return [self.request.query, app.client_id, app.name, app.kind, self.redirect_uri, asked.scopes, asked.resource]


async def consider(
    db: Database,
    settings: Settings,
    cipher: Cipher,
    *,
    request: AuthorizationRequest,
    identity: Identity | None,
    is_asked_again: bool = False,
) -> Answer | SignIn | Question:
    """Decide what a request leads to. `is_asked_again`: nothing is remembered, because an answer did not count.

    Raises OAuthError for what stays on our page.
    """
    case = await _read(db, settings, request)
    error = case.error
    if error is None and identity is None and "none" in request.prompts:
        error = OAuthError("login_required", "Nobody is signed in, and the prompt none forbids asking.")
    if error is not None:
        return await _refuse(db, case, error, identity)
    if identity is None:
        return SignIn()
    require_person(identity)
    if not is_asked_again and (silent := await _repeat(db, settings, case, identity)):
        return silent
    if "none" in request.prompts:
        return case.refused(OAuthError("consent_required", "The person must be asked, and the prompt none forbids it."))
    return Question(
        request=request,
        app=case.app,
        redirect_uri=case.redirect_uri,
        asked=case.wanted,
        token=new_form_token(cipher, purpose=_PURPOSE, key_id=identity.key_id, facts=case.facts),
        cancel=case.refused(_DENIED).location,
    )


async def decide(
    db: Database,
    settings: Settings,
    cipher: Cipher,
    *,
    request: AuthorizationRequest,
    identity: Identity | None,
    decision: Decision,
    token: str | None,
) -> Answer | SignIn:
    """Do what a person has answered. `token` is the form's; None only where the session itself came in a header.

    Such a request cannot be forged by a page of another site: it knows the session. Raises StaleForm, and OAuthError for
    what stays on our page.
    """
    case = await _read(db, settings, request)
    if case.error is not None:
        return await _refuse(db, case, case.error, identity)
    if identity is None:
        return SignIn()
    require_person(identity)
    async with db.transaction() as conn:
        await hold_parties(conn, user_id=identity.user_id, app=case.app)
        if token is not None:
            await spend_form_token(conn, cipher, token, purpose=_PURPOSE, key_id=identity.key_id, facts=case.facts)
        resource = grant_resource(case.wanted.resource, settings.access_url)
        if decision == "deny":
            await record_denial(conn, user_id=identity.user_id, app=case.app, resource_uri=resource)
            return case.refused(_DENIED)
        grant = await record_grant(
            conn,
            user_id=identity.user_id,
            app=case.app,
            resource_uri=resource,
            scopes=case.wanted.scopes,
            redirect_host=redirects.host_of(case.redirect_uri),
        )
        return case.given(await _issue(conn, case, grant))


async def switch_account(
    db: Database, settings: Settings, cipher: Cipher, *, request: AuthorizationRequest, identity: Identity, token: str
) -> None:
    """End the session of a person who wants to answer as somebody else. Raises StaleForm for a form that is not ours."""
    case = await _read(db, settings, request)
    if case.error is None:
        async with db.transaction() as conn:
            await spend_form_token(conn, cipher, token, purpose=_PURPOSE, key_id=identity.key_id, facts=case.facts)
        await sign_out(db, identity)


async def _read(db: Database, settings: Settings, request: AuthorizationRequest) -> _Case:
    if "client_id" in request.repeated:
        raise invalid_request("The parameter client_id is given more than once.")
    if not request.client_id:
        raise invalid_request("The parameter client_id is missing.")
    if not request.client_id.isascii() or not request.client_id.isprintable():
        raise invalid_client("There is no client with this client_id; register it again.")
    app = await find_client(db, settings, request.client_id)
    redirect_uri = redirect_of(request, app)
    case = _Case(request=request, app=app, redirect_uri=redirect_uri, issuer=settings.access_url)
    try:
        asked = judged(
            request,
            app,
            is_pkce_required=settings.oauth2_require_pkce,
            class_limit=settings.oauth2_unregistered_client_scopes,
            access_url=settings.access_url,
        )
    except OAuthError as error:
        return msgspec.structs.replace(case, error=error)
    return msgspec.structs.replace(case, asked=asked)


async def _refuse(db: Database, case: _Case, error: OAuthError, identity: Identity | None) -> Answer | SignIn:
    if identity is None and case.app.kind != ClientKind.REGISTERED and not await queries.has_grants(db, case.app.id):
        if "none" in case.request.prompts:
            raise error
        return SignIn()
    return case.refused(error)


async def _repeat(db: Database, settings: Settings, case: _Case, identity: Identity) -> Answer | None:
    """Answer as the person did before, where that is enough."""
    user_id, app = identity.user_id, case.app
    resource = grant_resource(case.wanted.resource, settings.access_url)

    def is_enough(grant: GrantRow | None) -> bool:
        return can_be_silent(case.request, app, case.wanted, redirect_uri=case.redirect_uri, grant=grant)

    if not is_enough(await queries.find_grant(db, user_id, app.id, resource)):
        return None
    async with db.transaction() as conn:
        await hold_parties(conn, user_id=user_id, app=app)
        grant = await queries.lock_grant(conn, user_id, app.id, resource)
        # It may have been revoked since it was read.
        if grant is None or not is_enough(grant):
            return None
        return case.given(await _issue(conn, case, grant))


async def _issue(conn: Connection, case: _Case, grant: GrantRow) -> str:
    request, asked = case.request, case.wanted
    return await issue_code(
        conn,
        grant=grant,
        app=case.app,
        scopes=asked.scopes,
        resource_uri=asked.resource,
        code_challenge=asked.challenge,
        state_hash=request.state_hash,
        redirect_uri=request.redirect_uri,
    )
