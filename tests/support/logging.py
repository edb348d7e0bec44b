"""The test logger: every test fails that writes an error to the log without saying so beforehand.

All logs of the server go through the standard library while tests run, where one handler watches for level ERROR.
Queries that were cancelled are no error: requests end, time-outs pass. A test that provokes errors says which:
`@pytest.mark.expected_errors("callback failed")` (regular expressions) or `error_log.expect(...)`.
"""

import asyncio
import logging
import re
from collections.abc import Generator, MutableMapping
from typing import Any

import asyncpg
import pytest
import structlog

from homeport.database.errors import QueryCanceled

_CANCELLED = (asyncio.CancelledError, asyncpg.QueryCanceledError, QueryCanceled)


class ErrorLog(logging.Handler):
    """Collects the error records of one test."""

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.records: list[logging.LogRecord] = []
        self._expected: list[re.Pattern[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self.records.append(record)

    def expect(self, pattern: str) -> None:
        """Allow errors whose text matches the regular expression from now on, and those already written."""
        self._expected.append(re.compile(pattern))

    def take_unexpected(self) -> list[str]:
        """Return the texts of the errors that nobody expected, each once."""
        records, self.records = self.records, []
        texts = (describe(record) for record in records if not is_cancellation(record))
        return [text for text in texts if not any(pattern.search(text) for pattern in self._expected)]


def describe(record: logging.LogRecord) -> str:
    """Return the text of a record with its exception, as it is matched and shown."""
    text = f"{record.name}: {record.getMessage()}"
    if record.exc_info and record.exc_info[1] is not None:
        text += f" ({record.exc_info[1]!r})"
    return text


def is_cancellation(record: logging.LogRecord) -> bool:
    """Whether the record tells of a query that was cancelled, itself or as the cause of something else."""
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        if isinstance(error, _CANCELLED):
            return True
        error = error.__cause__ or error.__context__
    return False


_LOG = pytest.StashKey[ErrorLog]()


def send_structlog_to_logging() -> None:
    """Make structured logs records of the standard library with their values as attributes."""
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _as_record],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _as_record(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Make a structured entry the arguments of a standard logger: the event and its values as one text."""
    options = {name: event.pop(name) for name in ("exc_info", "stack_info") if name in event}
    text = " ".join([str(event.pop("event", "")), *(f"{name}={value!r}" for name, value in event.items())])
    return ("%s", text), options


def pytest_configure(config: pytest.Config) -> None:
    """Set the logs up for the whole run."""
    send_structlog_to_logging()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Watch one test from before its fixtures to after them."""
    log = ErrorLog()
    for mark in item.iter_markers("expected_errors"):
        for pattern in mark.args:
            log.expect(pattern)
    item.stash[_LOG] = log
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.addHandler(log)
    try:
        return (yield)
    finally:
        # A test may have set logs up as the server does.
        root.handlers[:] = handlers
        root.setLevel(level)
        send_structlog_to_logging()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test for what it logged."""
    result = yield
    _fail_for_errors(item)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test for what was logged while its fixtures ended."""
    result = yield
    _fail_for_errors(item)
    return result


@pytest.fixture
def error_log(request: pytest.FixtureRequest) -> ErrorLog:
    """The errors of this test: `records`, and `expect(pattern)` to allow some."""
    return request.node.stash[_LOG]


def _fail_for_errors(item: pytest.Item) -> None:
    unexpected = item.stash[_LOG].take_unexpected()
    if unexpected:
        pytest.fail("unexpected errors in the log:\n" + "\n".join(unexpected), pytrace=False)
