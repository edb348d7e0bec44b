"""Who is let in, what strangers are told, and that every refusal below /scim has SCIM's form, whichever layer refuses."""

from typing import Any

import httpx
import pytest

from homeport.config.load import SettingsError, load_settings
from tests.homeport.scim.world import ERROR, MEDIA_TYPE, TOKEN, Whole, World, another, operations, person
from tests.homeport.server.driver import Answer, send
from tests.homeport.server.hostile import BAD_BODIES, BAD_QUERIES, BAD_SEGMENTS
from tests.homeport.server.routes import all_routes
from tests.support.logging import ErrorLog

PATHS = (
    "/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/x", "/Users", "/Users/x", "/Groups",
    "/Groups/x", "/Users/.search", "/Groups/.search", "/Bulk", "/Me",
)  # fmt: skip


def check_refusal(answer: httpx.Response | Answer) -> dict[str, Any]:
    """Check the form of a refusal, and return its body."""
    status = answer.status_code if isinstance(answer, httpx.Response) else answer.status
    kind = answer.headers["content-type"].partition(";")[0]
    body: dict[str, Any] = answer.json()
    assert 400 <= status < 500 or status == 501, body
    assert (kind, body["schemas"], body["status"]) == (MEDIA_TYPE, [ERROR], str(status))
    assert body["detail"]
    assert not body.keys() - {"schemas", "status", "detail", "scimType"}
    return body


@pytest.mark.requirement("SCIM-DOOR-01")
async def test_nothing_but_the_token_opens(whole: Whole) -> None:
    owner = await whole.accounts.make("owner")
    cookie = {"Cookie": f"coder_session_token={owner.token}"}
    offered: list[dict[str, str]] = [
        {}, {"Authorization": TOKEN}, {"Authorization": "Bearer"}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer \xff"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": f"Bearer {owner.token}"},
        owner.headers, cookie, {**cookie, **owner.headers}, {"Coder-Session-Token": TOKEN},
        {"Coder-Provisioner-Daemon-PSK": TOKEN}, {**cookie, "Sec-Fetch-Site": "cross-site"},
    ]  # fmt: skip
    routes = [one for one in all_routes(whole.app) if one.is_scim]
    assert len(routes) > 30
    for headers in offered:
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        for route in routes:
            target = route.path.format_map(dict.fromkeys(route.names, str(owner.id)))
            answer = await whole.api.raw(route.method, target, headers=raw, params={"access_token": TOKEN})
            assert answer.status_code == 401, (headers, str(route), answer.text)
            check_refusal(answer)
            challenge = answer.headers["www-authenticate"]
            assert challenge.startswith('Bearer realm="scim"')
            assert ("invalid_token" in challenge) == ("Authorization" in headers)
    twice = [("authorization", f"Bearer {TOKEN}")] * 2
    assert (await send(whole.api.asgi, "GET", "/scim/v2/Users", headers=twice)).status == 401
    # The token opens nothing else, and no cookie hinders it.
    for path in ("/api/v2/users", "/api/v2/users/me", "/mcp"):
        assert (await whole.api.raw("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 401
    foreign = {**cookie, "Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.test"}
    assert (await whole.call("POST", "/Users", person("a@corp.test"), headers=foreign)).status_code == 201
    assert (await whole.call("GET", "/Users", headers={"Authorization": f"bEARER {TOKEN}"})).status_code == 200


@pytest.mark.requirement("SCIM-DOOR-01")
async def test_wrong_tokens_are_counted_and_the_right_one_waits_as_well(world: World) -> None:
    async with another(world, dangerous_disable_rate_limits=False, login_rate_limit=3) as limited:
        wrong = {"Authorization": "Bearer wrong"}
        for _ in range(3):
            assert (await limited.call("GET", "/Users")).status_code == 200
            assert (await limited.call("GET", "/Users", headers=wrong)).status_code == 401
        answer = await limited.call("GET", "/Users")
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)
        assert (await limited.call("GET", "/Users", address="198.51.100.1")).status_code == 200


@pytest.mark.requirement("SCIM-DOOR-02")
async def test_where_it_is_switched_off_every_address_says_how_to_switch_it_on(db: Any) -> None:
    made = Whole(db, scim_auth_header="")
    for path in ("/scim", "/scim/", "/scim/v2", *(f"/scim/v2{path}" for path in PATHS)):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer "}):
                answer = await made.api.raw(method, path, headers=headers)
                assert answer.status_code == 404, (method, path)
                assert "SCIM_AUTH_HEADER" in check_refusal(answer)["detail"]
    await made.close()


@pytest.mark.requirement("SCIM-DOOR-02")
def test_a_short_token_stops_the_start() -> None:
    for token, words in (("x" * 31, "at least 32"), ("Bearer " + "x" * 32, "token alone"), ("é" * 40, "token alone")):
        with pytest.raises(SettingsError, match=words):
            load_settings(environment={"HOMEPORT_SCIM_AUTH_HEADER": token})
    assert load_settings(environment={"CODER_SCIM_AUTH_HEADER": "x" * 32}).scim_auth_header == "x" * 32


@pytest.mark.requirement("SCIM-SELF-01")
async def test_it_says_of_itself_what_is_so(world: World) -> None:
    config = await world.ask("GET", "/ServiceProviderConfig")
    supported = {
        name: value["supported"] for name, value in config.items() if isinstance(value, dict) and "supported" in value
    }
    assert supported == {
        "patch": True, "bulk": False, "filter": True, "changePassword": False, "sort": True, "etag": True,
    }  # fmt: skip
    assert config["authenticationSchemes"][0]["type"] == "oauthbearertoken"
    for path in ("/ResourceTypes", "/Schemas"):
        listed = await world.ask("GET", path)
        assert listed["totalResults"] == len(listed["Resources"]) == 2
        for one in listed["Resources"]:
            assert await world.ask("GET", f"{path}/{one['id']}") == one
            assert one["meta"]["location"] == f"http://homeport.test/scim/v2{path}/{one['id']}"
    await world.refused(404, "", "GET", "/Schemas/urn:nothing")
    # What is said of attributes is what answers hold.
    await world.make_user(externalId="e")
    await world.ask("POST", "/Groups", {"displayName": "Team"})
    for path, schema in (("/Users", 0), ("/Groups", 1)):
        described = (await world.ask("GET", "/Schemas"))["Resources"][schema]
        (found,) = (await world.ask("GET", path))["Resources"]
        assert found["schemas"] == [described["id"]]
        known = {one["name"]: one for one in described["attributes"]}
        assert found.keys() - known.keys() == {"schemas", "id", "meta"} | (
            {"externalId"} if path == "/Users" else set()
        )
        for name, value in found.items():
            if isinstance(value, dict | list) and name in known:
                below = {one["name"] for one in known[name]["subAttributes"]}
                assert all(not one.keys() - below for one in (value if isinstance(value, list) else [value]))
    await world.refused(501, "", "POST", "/Bulk", {"Operations": []})
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        await world.refused(501, "", method, "/Me")


@pytest.mark.requirement("SCIM-BAD-01")
async def test_whatever_is_sent_is_refused_in_scims_form_or_done(world: World, error_log: ErrorLog) -> None:
    made = await world.make_user()
    token = [("authorization", f"Bearer {TOKEN}")]
    asgi = world.api.asgi

    async def ask(method: str, path: str, **more: Any) -> None:
        answer = await send(asgi, method, f"/scim/v2{path}", headers=token, **more)
        if answer.status >= 400:
            check_refusal(answer)
        assert not error_log.records, (method, path, more, error_log.records[0].getMessage())

    for body, kind in BAD_BODIES:
        for method, path in (("POST", "/Users"), ("PUT", f"/Users/{made['id']}"), ("PATCH", f"/Users/{made['id']}"),
                             ("POST", "/Groups"), ("POST", "/Users/.search"), ("POST", "/Groups/.search")):  # fmt: skip
            await ask(method, path, body=body, kind=kind)
    for segment in BAD_SEGMENTS:
        for path in (f"/Users/{segment}", f"/Groups/{segment}", f"/Schemas/{segment}", f"/{segment}"):
            for method in ("GET", "DELETE"):
                await ask(method, path)
    for name in ("filter", "startIndex", "count", "sortBy", "sortOrder", "attributes", "excludedAttributes", "x"):
        for value in BAD_QUERIES:
            await ask("GET", f"/Users?{name}={value}")
            await ask("GET", f"/Groups?{name}={value}&{name.upper()}={value}")
    assert await world.ask("GET", f"/Users/{made['id']}") == made


@pytest.mark.requirement("SCIM-BAD-01")
async def test_unknown_addresses_methods_and_bodies_too_large(whole: Whole) -> None:
    token = [("authorization", f"Bearer {TOKEN}")]
    asgi = whole.api.asgi
    for method, path, status in (
        ("GET", "/scim", 404), ("GET", "/scim/v1/Users", 404), ("GET", "/scim/v2", 404), ("GET", "/scim/v2/Nothing", 404),
        ("GET", "/scim/v2/Users/x/y", 404), ("DELETE", "/scim/v2/Users", 405), ("PUT", "/scim/v2/Groups", 405),
        ("TRACE", "/scim/v2/Users", 405),
        ("GET", "/scim/v2/Users/.search", 405), ("POST", "/scim/v2/Users/x", 405), ("GET", "/scim/v2/Bulk", 405),
        ("X", "/scim/v2/Users", 405),
    ):  # fmt: skip
        answer = await send(asgi, method, path, headers=[*token, ("accept", "text/html")])
        assert answer.status == status, (method, path, answer.body)
        check_refusal(answer)
    large = b'{"userName":"' + b"x" * 9 * 1024 * 1024 + b'"}'
    for has_length in (True, False):
        answer = await send(
            asgi, "POST", "/scim/v2/Users", headers=token, body=large, kind=MEDIA_TYPE, has_length=has_length
        )
        assert answer.status == 413
        check_refusal(answer)
    answer = await send(
        asgi, "POST", "/scim/v2/Users", headers=token, body=b"userName=x", kind="application/x-www-form-urlencoded"
    )
    assert answer.status == 415
    check_refusal(answer)
    for kind in ("application/json", "APPLICATION/scim+json; charset=utf-8", ""):
        body = f'{{"userName":"a{len(kind)}@corp.test"}}'.encode()
        assert (await send(asgi, "POST", "/scim/v2/Users", headers=token, body=body, kind=kind)).status == 201


@pytest.mark.requirement("SCIM-BAD-02")
@pytest.mark.expected_errors("an error that nothing inside has answered|unexpected error")
async def test_mistakes_of_ours_are_told_in_scims_form_without_what_is_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("inner words")

    monkeypatch.setattr("homeport.scim.service.people.list_answer", fail)
    answer = await world.call("GET", "/Users")
    assert answer.status_code == 500
    assert "inner words" not in answer.text
    monkeypatch.setattr("homeport.server.errors.body_of", fail)
    answer = await world.call("GET", "/Users")
    assert answer.status_code == 500
    assert "inner words" not in answer.text


@pytest.mark.requirement("SCIM-BAD-01")
async def test_names_have_no_case_and_come_once(world: World) -> None:
    found = await world.ask(
        "POST", "/Users", {"USERNAME": "a@corp.test", "Name": {"GIVENNAME": "Ada"}, "Active": "True"}
    )
    assert (found["userName"], found["name"]["givenName"], found["active"]) == ("a@corp.test", "Ada", True)
    await world.refused(400, "invalidSyntax", "POST", "/Users", {"userName": "b@corp.test", "username": "c@corp.test"})
    patch = operations({"op": "replace", "path": "displayName", "value": "x"})
    upper = {name.upper(): value for name, value in patch.items()}
    assert (await world.ask("PATCH", f"/Users/{found['id']}", upper))["displayName"] == "x"
