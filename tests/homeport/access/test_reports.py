"""Reports of browsers about the page policy: bounded, and told to the log without secrets on one line."""

import logging
from typing import Any

import msgspec
import pytest

from homeport.access import api as access_api
from homeport.access import reports
from homeport.database import Database
from tests.support.accounts import Accounts, Api, build_api

PATH = "/api/v2/csp/reports"
REPORT = {
    "document-uri": "https://ada:pw@homeport.test/workspaces?code=secret#f",
    "referrer": "https://homeport.test/?secret",
    "violated-directive": "img-src",
    "effective-directive": "img-src",
    "original-policy": "default-src 'self'",
    "disposition": "enforce",
    "blocked-uri": "https://evil.test/a?secret=1",
    "line-number": 7,
    "status-code": 200,
    "script-sample": "secret",
}


async def send(api: Api, body: Any, **more: Any) -> Any:
    """Send a report as browsers do."""
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    headers = {"Content-Type": "application/csp-report", **more.pop("headers", {})}
    return await api.raw("POST", PATH, content=content, headers=headers, **more)


def build(db: Database, **settings: Any) -> Api:
    return build_api(db, routes=access_api.routes, **settings)


@pytest.mark.requirement("CSP-REPORTS-01")
async def test_a_report_is_noted_for_strangers_and_with_a_session(
    db: Database, accounts: Accounts, caplog: pytest.LogCaptureFixture
) -> None:
    api, person = build(db), await accounts.make()
    with caplog.at_level(logging.WARNING):
        assert (await send(api, {"csp-report": REPORT})).status_code == 200
    assert "secret" not in caplog.text
    assert "broke the content security policy" in caplog.text
    headers = {"Cookie": f"coder_session_token={person.token}"}
    assert (await send(api, {"csp-report": REPORT}, headers=headers)).status_code == 200


@pytest.mark.requirement("CSP-REPORTS-01")
def test_the_log_gets_a_few_short_fields() -> None:
    assert reports.told(REPORT) == {
        "directive": "img-src",
        "disposition": "enforce",
        "page": "https://homeport.test/workspaces",
        "blocked": "https://evil.test/a",
        "line": 7,
        "status": 200,
    }


@pytest.mark.requirement("CSP-REPORTS-01")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"blocked-uri": "inline"}, {"blocked": "inline"}),
        ({"blocked-uri": "data:text/html;base64,secret"}, {"blocked": "data"}),
        ({"blocked-uri": "blob:https://homeport.test/secret"}, {"blocked": "blob"}),
        ({"blocked-uri": "http://[secret"}, {"blocked": "unreadable"}),
        (
            {"effective-directive": "a\r\nlevel=error \x1b[31m\u202e\u00e4"},
            {"directive": "a\\r\\nlevel=error \\x1b[31m\\u202e\\xe4"},
        ),
        ({"violated-directive": "x" * 5000}, {"directive": "x" * 256}),
        ({"violated-directive": "\u202e" * 5000}, {"directive": ("\\u202e" * 256)[:256]}),
        (
            {
                "line-number": True,
                "status-code": -1,
                "column-number": 2**40,
                "blocked-uri": {"a": 1},
                "disposition": "",
            },
            {},
        ),
    ],
)
def test_nothing_odd_reaches_the_log(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert reports.told(given) == expected


@pytest.mark.requirement("CSP-REPORTS-01")
async def test_what_is_no_report_is_refused(db: Database) -> None:
    api = build(db)
    for body in (b"", b"{", b"[]", b'{"csp-report": 1}', b"{}", b'"x"'):
        answer = await send(api, body)
        assert answer.status_code == 400, body
        assert answer.headers["content-type"] == "application/json"
    (missing,) = (await send(api, b"")).json()["validations"]
    assert missing == {"field": "body", "detail": "The request has no body; send one."}
    padded = {"csp-report": {"blocked-uri": "x" * reports.MAX_BODY}}
    assert (await send(api, padded)).status_code == 413
    assert (await send(api, {"csp-report": {"blocked-uri": "x" * (reports.MAX_BODY - 100)}})).status_code == 200


@pytest.mark.requirement("CSP-REPORTS-01")
async def test_an_address_cannot_fill_the_log(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    api = build(db, dangerous_disable_rate_limits=False)
    with caplog.at_level(logging.WARNING):
        statuses = [(await send(api, {"csp-report": REPORT})).status_code for _ in range(60)]
    assert statuses.count(200) == 30
    assert statuses[-1] == 429
    assert len(caplog.records) == 30
    assert (await send(api, {"csp-report": REPORT}, address="198.51.100.9")).status_code == 200
