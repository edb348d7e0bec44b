"""What a tool is, and what it gets to work with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from homeport.agents.service.switchboard import Switchboard
from homeport.config import Settings
from homeport.database import Database
from homeport.files.service import FileCache
from homeport.identity.types import Identity
from homeport.kit.crypto import Cipher
from homeport.mcp import arguments
from homeport.mcp.arguments import Arguments
from homeport.rbac import Subject

A = TypeVar("A", bound=Arguments)
Progress = Callable[[int, str], Awaitable[None]]
"""Tell a client that asked for it how far a tool is: a number that only rises, and what has come since."""


@dataclass(frozen=True)
class Surroundings:
    """What all tools of one server share."""

    db: Database
    cipher: Cipher
    settings: Settings
    switchboard: Switchboard
    file_cache: FileCache


async def _nobody_listens(_done: int, _words: str) -> None:
    """Nobody has asked for progress."""


@dataclass(frozen=True)
class Call:
    """One call of a tool: for whom, with what, and whom to tell about progress."""

    around: Surroundings
    identity: Identity
    report: Progress = _nobody_listens

    @property
    def subject(self) -> Subject:
        """Return who decides what the tool may do."""
        return self.identity.subject

    @property
    def db(self) -> Database:
        """Return the database."""
        return self.around.db

    @property
    def user_id(self) -> UUID:
        """Return the person's id."""
        return self.identity.user_id


@dataclass(frozen=True)
class Needs:
    """Scopes of a call: those without which it cannot work, and those that a client without them should ask for.

    The latter are the composites of the consent page, and cover the former (a test holds it).
    """

    least: tuple[str, ...]
    ask: tuple[str, ...]


NeedsOf = Callable[[Mapping[str, Any]], Needs]


@dataclass(frozen=True)
class Hints:
    """What a tool does to the world, for clients that ask a person before they call it."""

    is_read_only: bool = False
    is_destructive: bool = False
    is_idempotent: bool = False
    is_open_world: bool = False


READS = Hints(is_read_only=True, is_idempotent=True)


@dataclass(frozen=True)
class Tool:
    """A tool as clients see it, and the function behind it; it returns text, or what becomes JSON."""

    name: str
    title: str
    description: str
    kind: type[Arguments]
    needs: NeedsOf
    hints: Hints
    run: Callable[[Call, Any], Awaitable[Any]]
    streams: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        return arguments.schema(self.kind)


def tool(
    name: str, title: str, *, needs: Needs | NeedsOf, hints: Hints, kind: type[A], streams: bool = False
) -> Callable[[Callable[[Call, A], Awaitable[Any]]], Tool]:
    """Make a tool of a function; its docstring is the description that agents read."""

    def make(function: Callable[[Call, A], Awaitable[Any]]) -> Tool:
        words = " ".join((function.__doc__ or "").split())
        found = (lambda _: needs) if isinstance(needs, Needs) else needs
        return Tool(name, title, words, kind, found, hints, function, streams)

    return make


class Toolset:
    """Tools by name."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self.tools = tuple(tools)
        self._by_name = {tool.name: tool for tool in self.tools}

    def find(self, name: str) -> Tool | None:
        """Return the tool of that name, or None."""
        return self._by_name.get(name)
