"""Calling a tool: arguments held against their schema, failures said in words, everything counted."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import msgspec

from homeport.audit.service.attempts import note_failure
from homeport.database import DatabaseUnavailable
from homeport.kit.errors import HomeportError
from homeport.kit.request import current_request
from homeport.mcp import arguments, views
from homeport.mcp.registry import Call, Tool
from homeport.rbac import scopes_cover
from homeport.telemetry import metrics
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
_CALLS = metrics.counter("mcp_tool_calls", "Calls of tools, by tool and outcome.", ("tool", "outcome"))
_SECONDS = metrics.histogram("mcp_tool_seconds", "Seconds that a tool took.", ("tool",))


class Outcome(msgspec.Struct, frozen=True):
    """What the client gets: text, and whether it tells of a failure."""

    text: str
    is_error: bool = False


def count_refusal(tool: Tool) -> None:
    """Count a call that the token did not cover; the client steps up and calls again."""
    _CALLS.labels(tool.name, "refused").inc()


async def call_tool(tool: Tool, call: Call, given: Mapping[str, Any]) -> Outcome:
    """Run a tool. Never raises but for cancellation: agents read what went wrong and try again."""
    begun = perf_counter()
    kind, outcome = await _outcome(tool, call, given)
    _CALLS.labels(tool.name, kind).inc()
    _SECONDS.labels(tool.name).observe(perf_counter() - begun)
    return outcome


async def _outcome(tool: Tool, call: Call, given: Mapping[str, Any]) -> tuple[str, Outcome]:
    least = tool.needs(given).least
    if not scopes_cover(call.identity.key_scopes, least):
        # The HTTP layer has refused this already, with a challenge; this holds should the two ever read a body differently.
        return "refused", Outcome(
            f"The access token lacks scopes that this tool needs: {' '.join(least)}.", is_error=True
        )
    try:
        return "done", Outcome(views.to_text(await tool.run(call, arguments.read(tool.kind, given))))
    except arguments.BadArguments as error:
        body = {"error": f"The arguments are not valid: {error.problem}", "expected_schema": tool.schema}
        return "invalid", Outcome(views.to_text(body), is_error=True)
    except DatabaseUnavailable:
        return "failed", Outcome("The database is not reachable at the moment; try again shortly.", is_error=True)
    except HomeportError as error:
        note_failure(error.status)
        # What a broken statement says is for the log alone.
        return ("failed", Outcome(in_words(error), is_error=True)) if error.status != 500 else _unexpected(tool, error)
    except Exception as error:  # reason: a tool's bug is told to the agent, not raised into the protocol
        return _unexpected(tool, error)


def _unexpected(tool: Tool, error: Exception) -> tuple[str, Outcome]:
    note_failure(500)
    _log.error("a tool failed unexpectedly", tool=tool.name, exc_info=error)
    words = f"An unexpected error happened; the server's log has it under request id {current_request().request_id}."
    return "broken", Outcome(words, is_error=True)


def in_words(error: HomeportError) -> str:
    """Say what went wrong, with the details that help to mend it."""
    parts = [error.message, error.detail]
    parts += [f"{each.field}: {each.detail}" for each in error.validations]
    return "\n".join(part for part in parts if part)
