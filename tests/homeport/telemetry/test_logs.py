"""Logs: one format, request ids, no secrets."""

import io
import json
import logging

import pytest
import structlog

from homeport.kit.ids import new_id
from homeport.kit.request import RequestInfo, set_request
from homeport.telemetry.logs import add_request_id, configure_logs, get_logger, hide_secrets


@pytest.fixture
def stream():
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    output = io.StringIO()
    configure_logs(is_verbose=False, is_json=True, stream=output)
    yield output
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.mark.requirement("TELEMETRY-LOGS-01")
def test_a_line_is_json_with_the_request_id_and_without_secrets(stream: io.StringIO) -> None:
    request_id = new_id()
    set_request(RequestInfo(str(request_id), "127.0.0.1", "test"))
    get_logger("test.one").warning("refused", session_token="abc-123", key_id="visible", password="hunter2")
    line = json.loads(stream.getvalue().splitlines()[-1])
    assert line["event"] == "refused"
    assert line["request_id"] == str(request_id)
    assert line["session_token"] == line["password"] == "[hidden]"
    assert line["key_id"] == "visible"
    assert "abc-123" not in stream.getvalue()


def test_the_standard_library_logs_alike(stream: io.StringIO) -> None:
    logging.getLogger("some.library").warning("careful %s", "now")
    line = json.loads(stream.getvalue().splitlines()[-1])
    assert line["event"] == "careful now"
    assert line["level"] == "warning"


def test_without_a_request_there_is_no_request_id() -> None:
    set_request(RequestInfo())
    assert "request_id" not in add_request_id(None, "info", {"event": "x"})


@pytest.mark.parametrize("name", ["token", "api_key", "Authorization", "cookie", "psk", "private_key", "client_secret"])
def test_values_under_telling_names_are_hidden(name: str) -> None:
    assert hide_secrets(None, "info", {name: "s3cret"})[name] == "[hidden]"
