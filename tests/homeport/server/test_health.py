"""The health report against a server that really listens, and one that nobody reaches."""

import pytest

from tests.homeport.server.deployment import Deployment


@pytest.mark.requirement("HTTP-HEALTH-01")
async def test_a_server_that_is_reached_is_well_but_for_missing_daemons(listening: Deployment) -> None:
    owner = await listening.accounts.make("owner")
    report = await listening.ask(owner, "GET", "/debug/health")
    assert report["websocket"]["healthy"]
    assert (report["websocket"]["code"], report["websocket"]["body"]) == (101, "knock")
    assert report["access_url"]["reachable"]
    assert (report["access_url"]["status_code"], report["access_url"]["healthz_response"]) == (200, "OK")
    assert report["database"]["reachable"]
    assert report["database"]["latency"] > 0
    assert report["derp"] == {
        "healthy": True,
        "severity": "ok",
        "warnings": [],
        "dismissed": False,
        "error": None,
        "regions": {},
    }
    assert report["workspace_proxy"]["healthy"]
    assert [one["code"] for one in report["provisioner_daemons"]["warnings"]] == ["EPD01"]
    assert (report["healthy"], report["severity"]) == (False, "error")
    await listening.furnish(owner, owner, user="me")
    later = await listening.ask(owner, "GET", "/debug/health")
    assert later["provisioner_daemons"]["healthy"]
    assert later["healthy"]


@pytest.mark.requirement("HTTP-HEALTH-01")
async def test_an_address_that_leads_nowhere_is_told_with_what_to_check(deployment: Deployment) -> None:
    owner = await deployment.accounts.make("owner")
    report = await deployment.ask(owner, "GET", "/debug/health")
    assert [one["code"] for one in report["access_url"]["warnings"]] == ["EACS03"]
    assert [one["code"] for one in report["websocket"]["warnings"]] == ["EWS01"]
    assert all("ACCESS_URL" in report[part]["warnings"][0]["message"] for part in ("access_url", "websocket"))
    assert (report["healthy"], report["severity"]) == (False, "error")
    refused = await deployment.api.call(await deployment.accounts.make("member"), "GET", "/debug/health")
    assert refused.status_code in {403, 404}
