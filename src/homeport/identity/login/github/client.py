"""The application of this deployment at GitHub: where people are sent, and what codes are good for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import msgspec
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from homeport.config import Settings
from homeport.identity.errors import DeviceRefused, ExchangeFailed, ProviderUnreachable
from homeport.identity.login.github.questions import NAME, require_not_busy
from homeport.identity.login.outbound import Answer, CallFailed, call
from homeport.identity.login.providers import RefreshFailed
from homeport.identity.login.redirecting import Journey
from homeport.identity.rules.github import DEVICE_WORDS, device_words
from homeport.identity.types import ProviderTokens
from homeport.kit import clock

CALLBACK: Final = "/api/v2/users/oauth2/github/callback"
DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_SCOPES: Final = "read:user read:org user:email"
_FORM: Final = "application/x-www-form-urlencoded"
# RFC 8628 section 3.2 where the provider does not say; what it says is held to what makes sense.
_INTERVAL, _MOST_INTERVAL = 5, 300
_EXPIRES_IN, _MOST_EXPIRES_IN = 900, 3600
_MOST_CODE: Final = 256
_MOST_TOKEN: Final = 4096
_MOST_LIFE: Final = 10 * 365 * 86_400
_FINAL: Final = frozenset({"bad_refresh_token", "invalid_grant", "unauthorized_client", "incorrect_client_credentials"})


class Addresses(msgspec.Struct, frozen=True):
    """Where a GitHub is: its pages, its API, and whether it is github.com itself, whose ids are known everywhere."""

    web: str
    api: str
    is_github_com: bool = False


GITHUB_COM: Final = Addresses("https://github.com", "https://api.github.com", is_github_com=True)


class DeviceCode(msgspec.Struct, frozen=True):
    """What people type at GitHub, where, and how often we may ask whether they did (seconds)."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: int
    interval: int


class GithubClient(msgspec.Struct, frozen=True):
    """See the module. It holds no state, so that every server of a deployment can go on where another began."""

    client_id: str
    client_secret: str
    access_url: str
    addresses: Addresses
    has_device_flow: bool = False

    @property
    def name(self) -> str:
        """The name by which people know the provider."""
        return NAME

    def authorization_url(self, journey: Journey) -> str:
        """Return the page at GitHub on which people say yes."""
        query = {
            "client_id": self.client_id,
            "redirect_uri": f"{self.access_url}{CALLBACK}",
            "scope": _SCOPES,
            "state": journey.state,
            "code_challenge": create_s256_code_challenge(journey.verifier),
            "code_challenge_method": "S256",
        }
        return f"{self.addresses.web}/login/oauth/authorize?{urlencode(query)}"

    async def exchange(self, code: str, journey: Journey) -> ProviderTokens:
        """Return the tokens of a code from GitHub's page. Raises ExchangeFailed, ProviderUnreachable, ProviderBusy."""
        found = await self._ask_for_token(
            code=code, redirect_uri=f"{self.access_url}{CALLBACK}", code_verifier=journey.verifier
        )
        if error := text_at(found, "error"):
            raise ExchangeFailed(NAME, f"{error}: {text_at(found, 'error_description')}")
        return _tokens(found)

    async def begin_device(self) -> DeviceCode:
        """Ask for a code that people type. Raises DeviceRefused, ExchangeFailed, ProviderUnreachable, ProviderBusy."""
        answer = await self._post("/login/device/code", {"client_id": self.client_id, "scope": _SCOPES})
        found = _document(answer)
        if error := text_at(found, "error"):
            if error in DEVICE_WORDS:
                raise DeviceRefused(error, device_words(error))
            raise ExchangeFailed(NAME, f"GitHub gives no device code: {error} {text_at(found, 'error_description')}")
        return _device_code(found)

    async def poll_device(self, device_code: str) -> ProviderTokens:
        """Ask once whether somebody has typed the code, and return their tokens. Raises DeviceRefused with what GitHub says."""
        found = await self._ask_for_token(device_code=device_code, grant_type=DEVICE_GRANT)
        if error := text_at(found, "error"):
            wait = _whole(found.get("interval"), 0, _MOST_INTERVAL) if error == "slow_down" else 0
            raise DeviceRefused(error, device_words(error), retry_after=wait)
        return _tokens(found)

    async def refresh(self, refresh_token: str, *, linked_id: str) -> ProviderTokens:
        """Return new tokens for a refresh token. Raises RefreshFailed."""
        try:
            found = await self._ask_for_token(grant_type="refresh_token", refresh_token=refresh_token)
            if error := text_at(found, "error"):
                raise RefreshFailed(f"{error}: {text_at(found, 'error_description')}", is_final=error in _FINAL)
            return _tokens(found)
        except (ProviderUnreachable, ExchangeFailed) as error:
            raise RefreshFailed(error.detail, is_final=False) from error

    async def _ask_for_token(self, **form: str) -> dict[str, Any]:
        given = {"client_id": self.client_id, **form}
        # Without a secret the application is a public client; device codes need none (RFC 8628 section 3.4).
        if self.client_secret and form.get("grant_type") != DEVICE_GRANT:
            given["client_secret"] = self.client_secret
        return _document(await self._post("/login/oauth/access_token", given))

    async def _post(self, path: str, form: Mapping[str, str]) -> Answer:
        try:
            answer = await call("POST", f"{self.addresses.web}{path}", form=form)
        except CallFailed as error:
            raise ProviderUnreachable(NAME, str(error)) from error
        require_not_busy(answer)
        return answer


def github_of(settings: Settings) -> GithubClient | None:
    """Return the client that the settings describe; None where people do not sign in by GitHub."""
    if not settings.oauth2_github_client_id:
        return None
    return GithubClient(
        settings.oauth2_github_client_id,
        settings.oauth2_github_client_secret,
        settings.access_url.rstrip("/"),
        _addresses(settings.oauth2_github_enterprise_base_url),
        settings.oauth2_github_device_flow,
    )


def _addresses(enterprise: str) -> Addresses:
    """Return where a host is. Hosts at ghe.com have their API under a name of its own, Enterprise Servers below a path."""
    if not enterprise:
        return GITHUB_COM
    parts = urlsplit(enterprise)
    web = f"{parts.scheme}://{parts.netloc}"
    if (parts.hostname or "").endswith(".ghe.com"):
        return Addresses(web, f"{parts.scheme}://api.{parts.netloc}")
    return Addresses(web, f"{web}/api/v3")


def _document(answer: Answer) -> dict[str, Any]:
    """Return what was answered about tokens and codes: JSON, or a form from hosts that know no better."""
    if answer.media_type == _FORM:
        try:
            found: dict[str, Any] = dict(parse_qsl(answer.body.decode(), keep_blank_values=True, max_num_fields=50))
        except ValueError:
            raise ProviderUnreachable(NAME, "the answer is not a form") from None
    else:
        try:
            found = answer.json()
        except CallFailed as error:
            raise ProviderUnreachable(NAME, f"status {answer.status}: {error}") from error
    if not answer.is_success and not text_at(found, "error"):
        raise ProviderUnreachable(NAME, f"GitHub answers {answer.status}")
    return found


def _tokens(found: dict[str, Any]) -> ProviderTokens:
    token = text_at(found, "access_token", most=_MOST_TOKEN)
    if not token or text_at(found, "token_type").lower() != "bearer":
        raise ExchangeFailed(NAME, "GitHub's answer holds no bearer token.")
    life = _whole(found.get("expires_in"), 0, _MOST_LIFE)
    expires_at = clock.now() + timedelta(seconds=life) if life else None
    return ProviderTokens(token, text_at(found, "refresh_token", most=_MOST_TOKEN), expires_at)


def _device_code(found: dict[str, Any]) -> DeviceCode:
    code = DeviceCode(
        text_at(found, "device_code"),
        text_at(found, "user_code"),
        text_at(found, "verification_uri"),
        _whole(found.get("expires_in"), _EXPIRES_IN, _MOST_EXPIRES_IN),
        _whole(found.get("interval"), _INTERVAL, _MOST_INTERVAL),
    )
    # The address becomes a link: it must lead to a page and run nothing.
    is_page = urlsplit(code.verification_uri).scheme in {"http", "https"}
    if not code.device_code or not code.user_code or not is_page:
        raise ExchangeFailed(NAME, "GitHub's answer holds no device code that can be used.")
    return code


def text_at(found: Mapping[str, Any], name: str, *, most: int = _MOST_CODE) -> str:
    """Return a text of an answer; empty when it is none, or endless."""
    value = found.get(name)
    return value if isinstance(value, str) and len(value) <= most and value.isprintable() else ""


def _whole(value: Any, default: int, most: int) -> int:
    """Return a number of seconds, which forms hold as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 15:
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return min(value, most) if is_whole else default
