"""Authorization requests (RFC 6749 section 4.1, RFC 7636, 8707, 9207): reading them, judging them, answering them.

A request is judged in two steps. `redirect_of` says where answers go; what it refuses stays on our page. `judged` says what
is asked for; what it refuses goes back to the client, unless a person must sign in before (see `service.authorizing`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

import msgspec

from homeport.oauth2.errors import OAuthError, invalid_request, invalid_target, unauthorized_client
from homeport.oauth2.rules import pkce, redirects, resources, scopes
from homeport.oauth2.types import AppRow, ClientKind, GrantRow, GrantType
from homeport.rbac import scopes_cover

Pairs = Sequence[tuple[str, str]]

_MOST_FIELDS: Final = 100
_CODE: Final = "code"
_SINGLE: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "request",
    "request_uri",
)
_SECRETS: Final = frozenset({"client_secret", "client_assertion", "access_token", "coder_session_token"})
# Ours in every answer: whatever of these a registered address holds itself would make them ambiguous.
_ANSWERS: Final = frozenset({"code", "state", "iss", "error", "error_description", "error_uri"})
_ASKS_ANEW: Final = frozenset({"consent", "login", "select_account"})


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a request; empty where they are absent, `state` is None then. `pairs` is all that came, in order.

    Bytes that are no UTF-8 are kept as surrogates, so that the state goes back as it came.
    """

    pairs: tuple[tuple[str, str], ...]
    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    response_mode: str = ""
    scope: str = ""
    state: str | None = None
    code_challenge: str = ""
    code_challenge_method: str = ""
    prompt: str = ""
    request: str = ""
    request_uri: str = ""
    resources: tuple[str, ...] = ()
    repeated: frozenset[str] = frozenset()

    @property
    def prompts(self) -> frozenset[str]:
        """How the client wants the person to be asked (OpenID Connect 3.1.2.1): `none` forbids every page."""
        return frozenset(self.prompt.split())

    @property
    def query(self) -> str:
        """The request as a query in ASCII, from which it is read again as it is."""
        return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in self.pairs)

    @property
    def state_hash(self) -> str | None:
        """SHA-256 of the state's bytes in hexadecimal digits; None without a state."""
        return None if self.state is None else hashlib.sha256(self.state.encode("utf-8", "surrogateescape")).hexdigest()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a request comes to. `resource` is canonical, or empty; `challenge` is empty without PKCE.

    `is_default`: the request names no scope that we know, so these are the least.
    """

    scopes: tuple[str, ...]
    is_default: bool
    resource: str
    challenge: str


def read_pairs(encoded: bytes) -> Pairs:
    """Read a query or the body of a form. Raises invalid_request when there are too many parameters."""
    text = encoded.decode("utf-8", "surrogateescape")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise invalid_request(f"The request has more than {_MOST_FIELDS} parameters.") from None


def read_request(pairs: Pairs) -> AuthorizationRequest:
    """Read a request. An empty parameter is absent, an unknown one is ignored (RFC 6749 section 3.1).

    Raises invalid_request for a secret: what stands in a query ends in histories and logs.
    """
    if any(name in _SECRETS for name, _ in pairs):
        raise invalid_request("Send no secret in the query: queries are written to histories and logs.")
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    repeated = frozenset(name for name in _SINGLE if len(given.get(name, ())) > 1)
    single = {name: given[name][0] for name in _SINGLE if given.get(name, [""])[0]}
    if "state" in repeated:
        # Nobody knows which one would be meant.
        single.pop("state", None)
    resources_asked = tuple(value for value in given.get("resource", ()) if value)
    return AuthorizationRequest(pairs=tuple(pairs), resources=resources_asked, repeated=repeated, **single)


def redirect_of(request: AuthorizationRequest, app: AppRow) -> str:
    """Return the address to which the answer goes: the one asked for, or the only registered one.

    Raises invalid_request for every address that is not the client's own to the letter, and where none is certain.
    """
    if "redirect_uri" in request.repeated:
        raise invalid_request("The parameter redirect_uri is given more than once.")
    uri, registered = request.redirect_uri, app.callbacks
    if not uri and len(registered) == 1:
        uri = registered[0]
    elif not uri:
        raise invalid_request(
            "The parameter redirect_uri is missing; it can be left out only where exactly one is registered."
        )
    elif not redirects.matched(uri, registered):
        raise invalid_request(
            "The redirect_uri must exactly match one that the client has registered; only the port of an http address on "
            "127.0.0.1, [::1] or localhost may differ."
        )
    if problem := redirects.problem(uri, is_public=app.is_public):
        raise invalid_request(f"The redirect_uri cannot be used. {problem}")
    return uri


def judged(
    request: AuthorizationRequest,
    app: AppRow,
    *,
    is_pkce_required: bool,
    class_limit: Sequence[str],
    access_url: str,
) -> Asked:
    """Return what a request asks for. Raises the error that goes back to the client.

    `class_limit`: the most that clients may be granted whom no owner has registered (empty: no limit).
    """
    _require_readable(request)
    _require_code_flow(request, app)
    challenge = _challenge_of(request, is_required=is_pkce_required or app.is_public)
    if request.state is None and not challenge:
        raise invalid_request("The parameter state is missing; it is needed where PKCE is not used.")
    scope = _known_text(request.scope)
    return Asked(
        resource=_resource_of(request, access_url),
        scopes=scopes.requested(scope, scopes.ceiling_of(app, class_limit)),
        is_default=not scopes.known(scopes.split(scope)),
        challenge=challenge,
    )


def _require_readable(request: AuthorizationRequest) -> None:
    if request.repeated:
        raise invalid_request(f"The parameter {min(request.repeated)} is given more than once.")
    if request.request:
        raise OAuthError("request_not_supported", "Send the parameters themselves; request objects are not supported.")
    if request.request_uri:
        raise OAuthError("request_uri_not_supported", "Send the parameters themselves; request_uri is not supported.")
    if request.response_mode not in {"", "query"}:
        raise invalid_request("The only response_mode is query.")
    if "none" in request.prompts and len(request.prompts) > 1:
        raise invalid_request("The prompt none cannot be combined with others.")


def _require_code_flow(request: AuthorizationRequest, app: AppRow) -> None:
    if not request.response_type:
        raise invalid_request("The parameter response_type is missing.")
    if request.response_type != _CODE:
        raise OAuthError("unsupported_response_type", "The only response_type is code.")
    if _CODE not in app.response_types or GrantType.AUTHORIZATION_CODE not in app.grant_types:
        raise unauthorized_client("This client is not registered for the authorization code grant.")


def _challenge_of(request: AuthorizationRequest, *, is_required: bool) -> str:
    """Return the S256 challenge. A method that is left out counts as S256: plain, the standard's default, is never good."""
    challenge, method = request.code_challenge, request.code_challenge_method
    if not challenge:
        if is_required:
            raise invalid_request("The parameter code_challenge is missing: this client must use PKCE.")
        if method:
            raise invalid_request("There is a code_challenge_method without a code_challenge.")
        return ""
    if method and method not in pkce.METHODS:
        raise invalid_request("The only code_challenge_method is S256.")
    if not pkce.is_well_formed(challenge):
        raise invalid_request("The code_challenge must have 43 to 128 characters: letters, digits, and - . _ ~")
    return challenge


def _resource_of(request: AuthorizationRequest, access_url: str) -> str:
    found = {resources.own_resource(uri, access_url) for uri in request.resources}
    if "" in found:
        raise invalid_target("The resource is none of this server; see its protected resource metadata.")
    if len(found) > 1:
        raise invalid_target("A token is for one resource; ask for each with a request of its own.")
    return next(iter(found), "")


def _known_text(text: str) -> str:
    # Bytes that are no UTF-8 make a name that nobody knows; it must not reach messages or the database.
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def can_be_silent(
    request: AuthorizationRequest, app: AppRow, asked: Asked, *, redirect_uri: str, grant: GrantRow | None
) -> bool:
    """Whether the person need not be asked again: the same was allowed before, and only this client can get the answer.

    That is so for confidential clients that an administrator has registered, at an https address. Whoever has copied the
    client_id of any other could receive the code (OAuth 2.1 section 7.3.1), so there a person looks every time.
    """
    if grant is None or request.prompts & _ASKS_ANEW:
        return False
    is_certain = (
        app.kind == ClientKind.REGISTERED
        and not app.dynamically_registered
        and not app.is_public
        and redirect_uri.startswith("https://")
    )
    return (
        is_certain
        and redirects.host_of(redirect_uri) in grant.redirect_hosts
        and scopes_cover(grant.scopes, asked.scopes)
    )


def grant_resource(resource: str, access_url: str) -> str:
    """Return the resource as grants hold it: empty for the deployment itself, named or not."""
    return "" if resource == resources.resources_of(access_url)[0] else resource


def answer(redirect_uri: str, *, issuer: str, state: str | None, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the address that gives the client its answer (RFC 6749 section 4.1.2, RFC 9207).

    The registered query stays as it is, but for parameters that are ours to give; each of these stands there once.
    """
    given = [*parameters, *([] if state is None else [("state", state)]), ("iss", issuer)]
    base, _, query = redirect_uri.partition("?")
    kept = [
        part for part in query.split("&") if part and unquote(part.partition("=")[0].replace("+", " ")) not in _ANSWERS
    ]
    added = [f"{name}={_quoted(value)}" for name, value in given]
    return f"{base}?{'&'.join([*kept, *added])}"


def error_answer(redirect_uri: str, error: OAuthError, *, issuer: str, state: str | None) -> str:
    """Return the address that tells the client of an error."""
    parameters = [("error", error.code), ("error_description", error.message)]
    return answer(redirect_uri, issuer=issuer, state=state, parameters=parameters)


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")
