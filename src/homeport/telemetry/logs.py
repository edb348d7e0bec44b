"""Structured logs on standard error, each with the id of the request that it belongs to.

Values under names that tell of secrets are replaced before anything is written.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from homeport.kit.request import BACKGROUND_ID, current_request

_SECRET_NAME = re.compile(r"password|secret|token|api_?key|authorization|cookie|private|psk|passcode", re.IGNORECASE)
_HIDDEN = "[hidden]"

Logger = structlog.stdlib.BoundLogger


def get_logger(name: str) -> Logger:
    """Return the logger of one module; pass `__name__`."""
    return structlog.stdlib.get_logger(name)


def configure_logs(*, is_verbose: bool, is_json: bool, stream: TextIO | None = None) -> None:
    """Set structlog and the standard library's logging up alike, writing to `stream` (standard error)."""
    output = stream or sys.stderr
    level = logging.DEBUG if is_verbose else logging.INFO
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_request_id,
        hide_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if is_json
        else structlog.dev.ConsoleRenderer(
            colors=output.isatty(),
            # Plain: the default prints the local variables of every frame, secrets among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    tail: list[structlog.types.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if is_json:
        tail.append(structlog.processors.format_exc_info)
    handler = logging.StreamHandler(output)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*tail, renderer]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("httpx", "httpcore", "asyncio", "asyncssh", "websockets", "granian.access", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the id of the request that is being served, if there is one."""
    request_id = current_request().request_id
    if request_id != BACKGROUND_ID:
        event["request_id"] = request_id
    return event


def hide_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every entry whose name tells of a secret."""
    for name in event:
        if _SECRET_NAME.search(name) and not name.endswith(("_id", "_name", "_count")):
            event[name] = _HIDDEN
    return event
