"""GitHub's HTTP API with a person's token: who they are, their addresses, organizations and teams."""

from typing import Any, Final
from urllib.parse import quote, urlencode

from homeport.identity.errors import ExchangeFailed, NotVouchedFor, ProviderBusy, ProviderUnreachable
from homeport.identity.login.outbound import Answer, CallFailed, call
from homeport.kit import clock

NAME: Final = "GitHub"
_PAGE: Final = 100
# More organizations than that nobody is in; a list without end must not be read for ever.
_MOST_PAGES: Final = 20
_HIDDEN: Final = frozenset({403, 404})
_MOST_SECONDS: Final = 86_400


async def get_user(api: str, token: str) -> dict[str, Any]:
    """Return the account of a token."""
    answer = await _get(api, "/user", token)
    if not answer.is_success:
        raise ExchangeFailed(NAME, f"GitHub does not tell whose the token is: status {answer.status}.")
    try:
        return answer.json()
    except CallFailed as error:
        raise ProviderUnreachable(NAME, str(error)) from error


async def list_emails(api: str, token: str) -> list[Any]:
    """Return the addresses of an account. Raises NotVouchedFor where the application may not see them."""
    found = await _list(api, "/user/emails", token)
    if found is None:
        raise NotVouchedFor(
            "GitHub does not tell your e-mail addresses to this application.",
            detail="The application needs to read e-mail addresses (scope user:email).",
        )
    return found


async def list_memberships(api: str, token: str) -> list[Any]:
    """Return the memberships in organizations, as far as the application may see them."""
    return await _list(api, "/user/memberships/orgs", token, state="active") or []


async def is_in_team(api: str, token: str, *, organization: str, team: str, login: str) -> bool:
    """Tell whether somebody is an active member of a team or of one below it. Invitations do not count."""
    parts = (quote(part, safe="") for part in (organization, team, login))
    answer = await _get(api, "/orgs/{}/teams/{}/memberships/{}".format(*parts), token)
    if not answer.is_success:
        return False
    try:
        return answer.json().get("state") == "active"
    except CallFailed as error:
        raise ProviderUnreachable(NAME, str(error)) from error


async def _list(api: str, path: str, token: str, **query: str) -> list[Any] | None:
    """Return every page of a list; None where the application may not see it."""
    found: list[Any] = []
    for page in range(1, _MOST_PAGES + 1):
        answer = await _get(api, f"{path}?{urlencode({**query, 'per_page': _PAGE, 'page': page})}", token)
        if not answer.is_success:
            return None
        rows = _rows(answer)
        found += rows
        if not rows or 'rel="next"' not in answer.headers.get("link", ""):
            break
    return found


def _rows(answer: Answer) -> list[Any]:
    try:
        rows = answer.values()
    except CallFailed as error:
        raise ProviderUnreachable(NAME, str(error)) from error
    if not isinstance(rows, list):
        raise ProviderUnreachable(NAME, "the answer is not a list")
    return rows


async def _get(api: str, path: str, token: str) -> Answer:
    """Return an answer that is right or says that something is hidden. Raises ProviderBusy, ProviderUnreachable, ExchangeFailed."""
    headers = {"Accept": "application/vnd.github+json", "Authorization": f"Bearer {token}"}
    try:
        answer = await call("GET", f"{api}{path}", headers=headers)
    except CallFailed as error:
        raise ProviderUnreachable(NAME, str(error)) from error
    require_not_busy(answer)
    if answer.is_success or answer.status in _HIDDEN:
        return answer
    if answer.status == 401:
        raise ExchangeFailed(NAME, "GitHub does not accept the token that it has just given.")
    raise ProviderUnreachable(NAME, f"GitHub answers {answer.status} at {path.partition('?')[0]}")


def require_not_busy(answer: Answer) -> None:
    """Raise ProviderBusy where GitHub wants to be left alone for a while; it says so by 403 or 429."""
    headers = answer.headers
    if answer.status not in {403, 429}:
        return
    if (wait := _number(headers.get("retry-after", ""))) is not None:
        raise ProviderBusy(NAME, retry_after=wait)
    if headers.get("x-ratelimit-remaining") == "0":
        until = _number(headers.get("x-ratelimit-reset", ""), most=2**40) or 0
        raise ProviderBusy(NAME, retry_after=min(max(1, until - int(clock.now().timestamp())), _MOST_SECONDS))
    if answer.status == 429:
        raise ProviderBusy(NAME, retry_after=60)


def _number(text: str, most: int = _MOST_SECONDS) -> int | None:
    return min(int(text), most) if text.isascii() and text.isdecimal() and len(text) < 15 else None
