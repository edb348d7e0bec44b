"""The page on which a person connects a device that cannot show one (RFC 8628 section 3.3): the code, then the question."""

from typing import Any, Final, cast

from litestar import Response, get, post

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.types import Identity
from homeport.kit.crypto import Cipher
from homeport.kit.routes import optional
from homeport.oauth2.errors import OAuthError, invalid_request
from homeport.oauth2.rules.user_codes import shown_user_code
from homeport.oauth2.rules.wording import client_name
from homeport.oauth2.service.authorizing import Decision
from homeport.oauth2.service.device_approval import DeviceQuestion, consider_device, decide_device
from homeport.oauth2.service.form_tokens import StaleForm
from homeport.web.asking import shown_client
from homeport.web.bare import bare_page, read_answer, reply_of, to_sign_in, wants_html
from homeport.web.rendering import PageRequest

PATH: Final = "/oauth2/device/verify"
_OPT = {**optional("strangers sign in first, and the code is kept", is_page=True), "rate_limit": "device"}
Page = Response[str] | Response[bytes]
_MOST_SHOWN = 40


@get(PATH, opt=_OPT, include_in_schema=False)
async def show_device(
    request: PageRequest, db: Database, settings: Settings, cipher: Cipher, optional_identity: Identity | None
) -> Page:
    """Ask for a code, or show what the device with this code asks for."""
    text = request.query_params.get("user_code", "")
    if optional_identity is None:
        return _to_sign_in(text)
    if not text:
        return bare_page("device.html", identity=optional_identity, user_code="", problem="")
    try:
        question = await consider_device(db, cipher, identity=optional_identity, text=text)
    except OAuthError as error:
        return _ask_for_code(request, optional_identity, text, error)
    return _question_page(settings, optional_identity, question)


@post(PATH, opt=_OPT, include_in_schema=False, status_code=200)
async def answer_device(
    request: PageRequest, db: Database, settings: Settings, cipher: Cipher, optional_identity: Identity | None
) -> Page:
    """Take a person's answer."""
    fields = await read_answer(request)
    text, reply = dict(reversed(fields)).get("user_code", ""), reply_of(request, fields)
    if optional_identity is None:
        return _to_sign_in(text)
    if reply.decision == "switch":
        raise invalid_request("The field decision is one of allow and deny.")
    answer = cast("Decision", reply.decision)
    given: dict[str, Any] = {"identity": optional_identity, "text": text}
    try:
        app = await decide_device(db, settings, cipher, decision=answer, token=reply.token, **given)
    except StaleForm as error:
        if not wants_html(request):
            raise
        again = await consider_device(db, cipher, **given)
        return _question_page(settings, optional_identity, again, status=error.status, note=error.message)
    except OAuthError as error:
        return _ask_for_code(request, optional_identity, text, error)
    return bare_page("device_done.html", is_allowed=answer == "allow", name=client_name(app))


def _to_sign_in(text: str) -> Page:
    letters = "".join(
        letter for letter in text[:_MOST_SHOWN] if letter.isascii() and (letter.isalnum() or letter == "-")
    )
    return to_sign_in(f"{PATH}?user_code={letters}" if letters else PATH)


def _ask_for_code(request: PageRequest, identity: Identity, text: str, error: OAuthError) -> Page:
    if not wants_html(request) or error.status != 400:
        raise error
    return bare_page(
        "device.html", status=error.status, identity=identity, user_code=text[:_MOST_SHOWN], problem=error.message
    )


def _question_page(
    settings: Settings, identity: Identity, question: DeviceQuestion, *, status: int = 200, note: str = ""
) -> Page:
    client = shown_client(
        question.app, scopes=question.scopes, resource=question.resource, access_url=settings.access_url
    )
    return bare_page(
        "device_consent.html",
        status=status,
        note=note,
        client=client,
        identity=identity,
        csrf_token=question.token,
        user_code=shown_user_code(question.user_code),
    )


routes: list[Any] = [show_device, answer_device]
