"""The end of a journey to a provider that has vouched for the person: a session, or an account that is converted.

Browsers that came by a redirect are sent on; those that wait on the page of the device flow are told where to go.
"""

from typing import Any

import msgspec
from litestar import Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from homeport.config import Settings
from homeport.database import Database
from homeport.identity.errors import ConversionEnded
from homeport.identity.login import callbacks, converting
from homeport.identity.login.cookies import passing_cookie, sign_in_cookies, sign_out_cookies
from homeport.identity.login.notices import login_path
from homeport.identity.login.providers import Refresher
from homeport.identity.login.redirecting import CONVERSION_COOKIE, Journey, ended_cookies
from homeport.identity.login.signing_in import SignUps, sign_in_claimed
from homeport.identity.schemas import DeviceSignIn
from homeport.identity.types import Claimed, LoginType
from homeport.kit.crypto import Cipher
from homeport.kit.errors import HomeportError


class Deployment(msgspec.Struct, frozen=True):
    """What every sign-in needs of the server."""

    db: Database
    settings: Settings
    cipher: Cipher


class Completion(msgspec.Struct, frozen=True):
    """Where a browser goes from here (a local path), and with which cookies."""

    location: str
    cookies: list[Cookie]

    @property
    def as_redirect(self) -> Response[Any]:
        """The answer to a browser that came by a redirect."""
        return Redirect(self.location, status_code=307, headers=dict(callbacks.NOT_STORED), cookies=self.cookies)

    @property
    def as_document(self) -> Response[Any]:
        """The answer to the page that asks whether a code has been typed."""
        return Response(
            DeviceSignIn(self.location), status_code=200, headers=dict(callbacks.NOT_STORED), cookies=self.cookies
        )


async def complete(
    deployment: Deployment,
    request: callbacks.HttpRequest,
    *,
    login_type: LoginType,
    provider: Refresher,
    person: Claimed,
    sign_ups: SignUps,
    journey: Journey,
) -> Completion:
    """Sign a person in, or convert their account where the journey is about that. Raises what those raise."""
    db, settings, cipher = deployment.db, deployment.settings, deployment.cipher
    if not journey.converts:
        session = await sign_in_claimed(db, settings, cipher, login_type=login_type, person=person, sign_ups=sign_ups)
        return Completion(journey.redirect, [*ended_cookies(settings), *sign_in_cookies(settings, session.token)])
    try:
        await converting.convert_claimed(
            db,
            settings,
            cipher,
            login_type=login_type,
            person=person,
            state=journey.state,
            cookie=request.cookies.get(CONVERSION_COOKIE, ""),
        )
    except HomeportError as error:
        raise _ended(settings, error) from error
    words = f"Your account signs in by {provider.name} from now on. Sign in again."
    return Completion(login_path(cipher, words), [*ended_cookies(settings), *sign_out_cookies(settings)])


def _ended(settings: Settings, error: HomeportError) -> HomeportError:
    """Return what refuses a conversion, which is over by that; what is the trouble of a moment lets it go on."""
    if error.status >= 500:
        return error
    ended = passing_cookie(settings, CONVERSION_COOKIE, "", max_age=-1)
    return ConversionEnded(error, cookie=ended.to_header(header=""))
