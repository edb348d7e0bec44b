"""The page on which people sign in by a code that they type at GitHub (spec: identity 7.3).

With scripts the page gets the code and waits by itself (static/device.js). Without, each step is a form; what GitHub gave stands in
it, sealed, so that nobody can put another address before a person, and no server has to remember it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.response import Redirect

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.errors import ConversionEnded, DeviceRefused
from homeport.identity.login.completing import Deployment
from homeport.identity.login.configured import Providers
from homeport.identity.login.github import visits
from homeport.identity.login.redirecting import CONVERT_PREFIX
from homeport.identity.rules.github import PENDING
from homeport.identity.schemas import ExternalAuthDevice
from homeport.kit.crypto import Cipher, DecryptionFailed
from homeport.kit.errors import BadRequest, HomeportError
from homeport.kit.routes import optional
from homeport.web.forms import NO_PROBLEMS, Problems, read_form
from homeport.web.rendering import View, unframed

_OPT = optional("this is how one signs in, or converts an account", is_page=True)
_MOST_STATE = 128
_GOING_ON = frozenset({PENDING, "slow_down"})
Page = Response[str] | Redirect


@get(visits.DEVICE_PAGE, opt=_OPT, include_in_schema=False)
async def show_code(view: View, providers: Providers) -> Page:
    """Show the page that gets a code and waits; without a state, say where to begin."""
    visits.require_device_flow(providers)
    state = _plain(view.request.query_params.get("state", ""))
    if not state:
        return view.page("sign_in_stateless.html", status=400)
    return _page(view, state)


@post(visits.DEVICE_PAGE, opt={**_OPT, "rate_limit": "login"}, include_in_schema=False, status_code=200)
async def answer_code(view: View, db: Database, settings: Settings, cipher: Cipher, providers: Providers) -> Page:
    """Get a code, or ask once what became of it: the steps of the page for browsers without scripts."""
    form = await read_form(view.request)
    state, sealed = _plain(form.get("state", "")), form.get("device", "")
    if not state:
        return view.page("sign_in_stateless.html", status=400)
    try:
        if not sealed:
            device = await visits.begin_device(providers)
            return _page(view, state, device=device, sealed=_seal(cipher, device))
        device = _open(cipher, sealed)
        query = {"code": device.device_code, "state": state}
        done = await visits.ask_once(Deployment(db, settings, cipher), view.request, providers, query=query)
    except HomeportError as error:
        return _refused(view, state, error, sealed, cipher)
    return view.go(done.location, cookies=tuple(done.cookies))


def _refused(view: View, state: str, error: HomeportError, sealed: str, cipher: Cipher) -> Page:
    """Say what GitHub said; a code that still waits stays on the page."""
    if isinstance(error, DeviceRefused) and error.detail in _GOING_ON:
        wait = f" Wait {error.retry_after} seconds before you go on." if error.retry_after else ""
        return _page(view, state, device=_open(cipher, sealed), sealed=sealed, hint=f"{error.message}{wait}")
    # Details of other errors are for programs.
    words = f"{error.message} {error.detail}" if error.status == 403 and error.detail else error.message
    problems = Problems()
    problems.summary, problems.status = words, error.status
    is_over = isinstance(error, ConversionEnded)
    return _page(view, state, problems=problems, headers=error.headers, is_over=is_over)


def _page(
    view: View,
    state: str,
    *,
    device: ExternalAuthDevice | None = None,
    sealed: str = "",
    hint: str = "",
    problems: Problems = NO_PROBLEMS,
    headers: Mapping[str, str] | None = None,
    is_over: bool = False,
) -> Response[str]:
    return view.page(
        "sign_in_code.html",
        status=problems.status,
        headers={**(headers or {}), **unframed(view)},
        state=state,
        converts=state.startswith(CONVERT_PREFIX),
        is_over=is_over,
        device=device,
        sealed=sealed,
        hint=hint,
        problems=problems,
    )


def _plain(state: str) -> str:
    """Return a state as ours look; anything else counts as none."""
    is_ours = len(state) <= _MOST_STATE and state.isascii() and state.replace("-", "").isalnum()
    return state if is_ours else ""


def _seal(cipher: Cipher, device: ExternalAuthDevice) -> str:
    return urlsafe_b64encode(cipher.encrypt(msgspec.json.encode(device))).decode()


def _open(cipher: Cipher, sealed: str) -> ExternalAuthDevice:
    try:
        opened = cipher.decrypt(urlsafe_b64decode(sealed))
        return msgspec.json.decode(opened, type=ExternalAuthDevice)
    except (DecryptionFailed, msgspec.MsgspecError, ValueError) as error:
        raise BadRequest("The form was not sent from a current page of this site. Begin again.") from error


routes: list[Any] = [show_code, answer_code]
