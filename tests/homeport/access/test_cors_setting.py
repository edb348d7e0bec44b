"""Pages of other origins: by default they read nothing of the API, by setting what they have a token for."""

import pytest

from homeport.database import Database
from tests.support.accounts import Accounts, Api, build_api

TOOLS, EVIL = "https://tools.test", "https://evil.test"
ALLOW = "access-control-allow-origin"


async def get(api: Api, origin: str, path: str = "/api/v2/users/me", **headers: str) -> dict[str, str]:
    answer = await api.raw("GET", path, headers={"Origin": origin, **headers} if origin else headers)
    assert "access-control-allow-credentials" not in answer.headers
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-control") or name == "vary"
    }


async def preflight(api: Api, origin: str, method: str = "GET") -> dict[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "coder-session-token",
    }
    answer = await api.raw("OPTIONS", "/api/v2/users/me", headers=asked)
    assert "access-control-allow-credentials" not in answer.headers
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control")}


@pytest.mark.requirement("CORS-SETTING-01")
async def test_by_default_no_other_origin_reads_anything(db: Database) -> None:
    api = build_api(db)
    for origin in (TOOLS, "null", "http://homeport.test"):
        assert await get(api, origin) == {}
        assert await preflight(api, origin) == {}


@pytest.mark.requirement("CORS-SETTING-01")
async def test_those_that_the_setting_names_may_read_and_only_read(db: Database, accounts: Accounts) -> None:
    api = build_api(db, cors_allowed_origins=(TOOLS,))
    found = await get(api, TOOLS)
    assert (found[ALLOW], found["vary"]) == (TOOLS, "Origin")
    assert "X-Request-Id" in found["access-control-expose-headers"]
    asked = await preflight(api, TOOLS)
    assert asked[ALLOW] == TOOLS
    assert asked["access-control-allow-methods"] == "GET, HEAD, OPTIONS"
    assert "Coder-Session-Token" in asked["access-control-allow-headers"]
    person = await accounts.make()
    answer = await api.raw("GET", "/api/v2/users/me", headers={"Origin": TOOLS, **person.headers})
    assert (answer.status_code, answer.headers[ALLOW]) == (200, TOOLS)


@pytest.mark.requirement("CORS-SETTING-01")
@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "https://tools.test.evil.test", "https://tools.test:444", "http://tools.test", "HTTPS://TOOLS.TEST"],
)
async def test_others_read_nothing_and_caches_know_that_it_depends(db: Database, origin: str) -> None:
    api = build_api(db, cors_allowed_origins=(TOOLS,))
    assert await get(api, origin) == {"vary": "Origin"}
    assert await preflight(api, origin) == {}
    assert await get(api, "") == {"vary": "Origin"}


@pytest.mark.requirement("CORS-SETTING-01")
async def test_a_star_is_for_all_and_never_with_credentials(db: Database, accounts: Accounts) -> None:
    api = build_api(db, cors_allowed_origins=("*",))
    assert (await get(api, EVIL))[ALLOW] == "*"
    assert (await preflight(api, EVIL))[ALLOW] == "*"
    assert await get(api, "") == {}
    person = await accounts.make()
    forged = {"Origin": EVIL, "Cookie": f"coder_session_token={person.token}"}
    assert (await api.raw("POST", "/api/v2/users/me/keys", headers=forged)).status_code == 400
    assert await get(api, EVIL, "/nowhere") == {}, "pages and their refusals are never read"
