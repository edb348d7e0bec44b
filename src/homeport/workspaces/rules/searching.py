"""The grammar of `q=` (workspaces 1.2): `key:value` words, quotes around blanks, bare words are part of a name."""

from datetime import datetime
from uuid import UUID

import msgspec

from homeport.kit.errors import BadRequest, FieldError
from homeport.kit.moments import validate_moment
from homeport.workspaces.rules.status import STATUSES
from homeport.workspaces.types import AgentStatus, WorkspaceStatus

_AGENT_STATUSES: tuple[AgentStatus, ...] = ("connecting", "connected", "disconnected", "timeout")
_LONGEST = 2000
_MOST_VALUES = 100


class Search(msgspec.Struct, kw_only=True):
    """What a search asks for; None and empty ask for nothing. Times are aware."""

    owner: str | None = None
    name: str | None = None
    name_part: str | None = None
    template: str | None = None
    organization: str | None = None
    statuses: list[WorkspaceStatus] = []
    ids: list[UUID] = []
    agent_statuses: list[AgentStatus] = []
    parameters: list[tuple[str, str | None]] = []
    is_dormant: bool | None = None
    is_outdated: bool | None = None
    last_used_after: datetime | None = None
    last_used_before: datetime | None = None


def parse_search(text: str) -> Search:
    """Read `q=`. Raises a 400 that names the word that is not understood."""
    if len(text) > _LONGEST or "\x00" in text:
        raise _refuse("q", f"A search has at most {_LONGEST} characters, none of them NUL.")
    search, seen, bare = Search(), set[str](), list[str]()
    for key, value in _words(text):
        if not key:
            bare.append(value)
            continue
        if key in seen and key not in _REPEATABLE:
            raise _refuse(key, "Give this key once.")
        if key not in _READERS:
            raise _refuse(key, f"This key is not known. Known are: {', '.join(sorted(_READERS))}.")
        seen.add(key)
        _READERS[key](search, key, value)
    if bare:
        _read_bare(search, " ".join(bare))
    return search


def _words(text: str) -> list[tuple[str, str]]:
    """Split into (key, value); key is empty for bare words. Quotes keep blanks and colons together."""
    words: list[tuple[str, str]] = []
    key, current, is_quoted, has_content = "", "", False, False
    for character in text + " ":
        if character == '"':
            is_quoted, has_content = not is_quoted, True
        elif character.isspace() and not is_quoted:
            if key and not current:
                raise _refuse(key, "Give a value after the colon.")
            if has_content and current:
                words.append((key, current))
            key, current, has_content = "", "", False
        elif character == ":" and not is_quoted and not key:
            if not current:
                raise _refuse("q", "A colon stands between a key and its value.")
            key, current, has_content = current.lower(), "", False
        else:
            current, has_content = current + character, True
    if is_quoted:
        raise _refuse("q", "A quote is opened and not closed.")
    return words


def _read_bare(search: Search, value: str) -> None:
    owner, slash, name = value.partition("/")
    if slash and owner and name and search.owner is None and search.name is None:
        search.owner, search.name = owner, name
    else:
        search.name_part = value


def _read_text(search: Search, key: str, value: str) -> None:
    setattr(search, key, value)


def _read_status(search: Search, key: str, value: str) -> None:
    for part in value.lower().split(","):
        status = next((known for known in STATUSES if known == part), None)
        if status is None:
            raise _refuse(key, f"'{part[:64]}' is not a status. Known are: {', '.join(STATUSES)}.")
        search.statuses = [*search.statuses, status]


def _read_agent_status(search: Search, key: str, value: str) -> None:
    for part in value.lower().split(","):
        status = next((known for known in _AGENT_STATUSES if known == part), None)
        if status is None:
            raise _refuse(key, f"'{part[:64]}' is not a status of agents. Known are: {', '.join(_AGENT_STATUSES)}.")
        search.agent_statuses = [*search.agent_statuses, status]


def _read_ids(search: Search, key: str, value: str) -> None:
    try:
        search.ids = [*search.ids, *(UUID(part) for part in value.split(","))]
    except ValueError as error:
        raise _refuse(key, "Give ids as UUIDs, with commas between them.") from error
    if len(search.ids) > _MOST_VALUES:
        raise _refuse(key, f"Give at most {_MOST_VALUES} ids.")


def _read_dormant(search: Search, key: str, value: str) -> None:
    search.is_dormant = _boolean(key, value)


def _read_outdated(search: Search, key: str, value: str) -> None:
    search.is_outdated = _boolean(key, value)


def _read_parameter(search: Search, _key: str, value: str) -> None:
    name, equals, wanted = value.partition("=")
    search.parameters = [*search.parameters, (name, wanted if equals else None)]


def _read_moment(search: Search, key: str, value: str) -> None:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise _refuse(key, "Give a time such as 2026-01-31T09:30:00Z, in quotes.") from error
    setattr(search, key, validate_moment(moment, key))


def _boolean(key: str, value: str) -> bool:
    if value.lower() in {"true", "yes", "1"}:
        return True
    if value.lower() in {"false", "no", "0"}:
        return False
    raise _refuse(key, "Say true or false.")


def _refuse(field: str, detail: str) -> BadRequest:
    return BadRequest("The search is not understood.", validations=(FieldError(field[:64], detail),))


_REPEATABLE = frozenset({"status", "id", "has-agent", "param"})
_READERS = {
    "owner": _read_text,
    "name": _read_text,
    "template": _read_text,
    "organization": _read_text,
    "status": _read_status,
    "has-agent": _read_agent_status,
    "id": _read_ids,
    "dormant": _read_dormant,
    "outdated": _read_outdated,
    "param": _read_parameter,
    "last_used_after": _read_moment,
    "last_used_before": _read_moment,
}
