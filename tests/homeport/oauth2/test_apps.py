"""Clients that owners manage, and their secrets (identity 5.1)."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from homeport.database import Database
from homeport.oauth2.queries import clients as queries
from homeport.oauth2.service.apps import MOST_SECRETS
from tests.homeport.oauth2.test_metadata import empties
from tests.homeport.oauth2.test_registration import registered
from tests.homeport.oauth2.world import CALLBACK, OAuthClient, World, is_refused
from tests.support.accounts import ACCESS_URL, Person

APPS = "/oauth2-provider/apps"
GOOD = {"name": "my-app", "callback_url": CALLBACK, "icon": "/icon.svg"}
READ, OPERATE = "coder:workspaces.read", "coder:workspaces.operate"


async def call(world: World, person: Person | None, method: str, path: str, body: Any = None) -> httpx.Response:
    more = {"json": body} if body is not None else {}
    headers = person.headers if person else {}
    return await world.first.request(method, f"/api/v2{path}", headers=headers, **more)


async def made(world: World, owner: Person, **changes: Any) -> dict[str, Any]:
    answer = await call(world, owner, "POST", APPS, {**GOOD, **changes})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def as_client(world: World, app: dict[str, Any], secret: str = "") -> OAuthClient:
    async with world.db.connection() as conn:
        row = await queries.find_app(conn, UUID(app["id"]))
    assert row is not None
    return OAuthClient(row, secret)


def fields(answer: httpx.Response) -> set[str]:
    """Return the fields that a 400 names."""
    assert answer.status_code == 400, answer.text
    return {each["field"] for each in answer.json()["validations"]}


@pytest.mark.requirement("APPS-01")
async def test_an_application_lives_as_in_the_reference(world: World) -> None:
    owner, member = await world.accounts.make("owner"), await world.accounts.make()
    app = await made(world, owner)
    assert (app["name"], app["callback_url"], app["icon"]) == ("my-app", CALLBACK, "/icon.svg")
    assert app["endpoints"] == {
        "authorization": f"{ACCESS_URL}/oauth2/authorize",
        "token": f"{ACCESS_URL}/oauth2/tokens",
        "token_revoke": f"{ACCESS_URL}/oauth2/revoke",
        "device_authorization": f"{ACCESS_URL}/oauth2/device",
    }
    assert (app["client_id"], app["kind"], app["client_type"]) == (app["id"], "registered", "confidential")
    assert app["token_endpoint_auth_method"] == "client_secret_post"
    assert app["grant_types"] == ["authorization_code", "refresh_token"]
    assert empties(app) == []
    for person in (owner, member):
        read = await call(world, person, "GET", f"{APPS}/{app['id']}")
        assert read.json() == app
        assert read.headers["cache-control"] == "no-store"
        assert read.headers["pragma"] == "no-cache"
    changed = await call(
        world, owner, "PUT", f"{APPS}/{app['id']}", {"name": "renamed", "callback_url": "http://localhost:3000"}
    )
    assert changed.status_code == 200, changed.text
    found = changed.json()
    assert (found["name"], found["callback_url"], found["icon"]) == ("renamed", "http://localhost:3000", "")
    assert found["redirect_uris"] == ["http://localhost:3000"]
    gone = await call(world, owner, "DELETE", f"{APPS}/{app['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await call(world, owner, "GET", f"{APPS}/{app['id']}")).status_code == 404
    entries = await world.audited("oauth2_provider_app")
    assert [(entry["action"], entry["user_id"]) for entry in entries] == [
        (each, owner.id) for each in ("create", "write", "delete")
    ]
    assert entries[1]["diff"]["name"] == {"old": "my-app", "new": "renamed", "secret": False}


@pytest.mark.requirement("APPS-01")
async def test_only_owners_change_anything_and_strangers_see_nothing(world: World) -> None:
    owner = await world.accounts.make("owner")
    app = await made(world, owner)
    secret = (await call(world, owner, "POST", f"{APPS}/{app['id']}/secrets")).json()
    one = f"{APPS}/{app['id']}"
    writes = [
        ("POST", APPS, GOOD), ("PUT", one, GOOD), ("DELETE", one, None), ("GET", f"{one}/secrets", None),
        ("POST", f"{one}/secrets", None), ("DELETE", f"{one}/secrets/{secret['id']}", None),
        ("GET", "/oauth2-provider/settings", None), ("PUT", "/oauth2-provider/settings", {}),
    ]  # fmt: skip
    for kind in ("member", "template-admin", "user-admin", "auditor", "organization-admin"):
        person = await world.accounts.make(kind)
        for method, path, body in writes:
            assert (await call(world, person, method, path, body)).status_code in {403, 404}, (kind, method, path)
        assert (await call(world, person, "GET", APPS)).status_code == 200
    for method, path, body in [*writes, ("GET", APPS, None), ("GET", one, None)]:
        assert (await call(world, None, method, path, body)).status_code == 401, (method, path)


@pytest.mark.requirement("APPS-02")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"), ({"name": "two words"}, "name"), ({"name": "x" * 65}, "name"), ({"name": "a\x00b"}, "name"),
        ({"name": " x"}, "name"), ({"name": "-x"}, "name"), ({"callback_url": ""}, "callback_url"),
        ({"callback_url": "client.example"}, "callback_url"), ({"callback_url": "https://"}, "callback_url"),
        ({"callback_url": "http://"}, "callback_url"), ({"callback_url": "http"}, "callback_url"),
        ({"callback_url": "http//x"}, "callback_url"), ({"callback_url": "/callback"}, "callback_url"),
        ({"callback_url": "word"}, "callback_url"), ({"callback_url": "https://a b/"}, "callback_url"),
        ({"callback_url": "javascript:alert(1)"}, "callback_url"), ({"callback_url": "http://client.example/"}, "callback_url"),
        ({"callback_url": "com.example.app:/cb"}, "callback_url"), ({"redirect_uris": ["https://x/#y"]}, "redirect_uris"),
        ({"callback_url": "", "redirect_uris": ["x"]}, "redirect_uris"),
        ({"service_user": "me", "service_organization": "coder"}, "service_user"),
        ({"redirect_uris": [f"https://x/{n}" for n in range(40)]}, "redirect_uris"), ({"icon": "x" * 300}, "icon"),
        ({"icon": "javascript:alert(1)"}, "icon"), ({"icon": "//evil.example/x"}, "icon"), ({"client_type": "secret"}, "client_type"),
        ({"token_endpoint_auth_method": "none"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "magic"}, "token_endpoint_auth_method"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "token_endpoint_auth_method"),
        ({"client_type": "public", "token_endpoint_auth_method": "client_secret_post"}, "token_endpoint_auth_method"),
        ({"grant_types": []}, "grant_types"), ({"grant_types": ["password"]}, "grant_types"),
        ({"grant_types": ["refresh_token"]}, "grant_types"), ({"grant_types": ["client_credentials"]}, "grant_types"),
        ({"client_type": "public", "grant_types": ["client_credentials"], "service_user": "me"}, "grant_types"),
        ({"scope": "no-such"}, "scope"), ({"scope": "system:read"}, "scope"), ({"client_uri": "x"}, "client_uri"),
        ({"jwks_uri": "http://x/"}, "jwks_uri"), ({"jwks": {"keys": []}}, "jwks"),
    ],
)  # fmt: skip
async def test_what_an_application_cannot_be_is_told_by_field(
    world: World, changes: dict[str, Any], field: str
) -> None:
    owner = await world.accounts.make("owner")
    assert fields(await call(world, owner, "POST", APPS, {**GOOD, **changes})) == {field}
    app = await made(world, owner)
    if "client_type" not in changes:
        assert fields(await call(world, owner, "PUT", f"{APPS}/{app['id']}", {**GOOD, **changes})) == {field}


@pytest.mark.requirement("APPS-02")
async def test_unknown_ids_and_bodies_are_refused_plainly(world: World) -> None:
    owner = await world.accounts.make("owner")
    app, other = await made(world, owner), await made(world, owner)
    secret = (await call(world, owner, "POST", f"{APPS}/{other['id']}/secrets")).json()
    for path, status in (
        (f"{APPS}/not-an-id", 400), (f"{APPS}/{uuid4()}", 404), (f"{APPS}/{app['id']}/secrets/nope", 400),
        (f"{APPS}/{app['id']}/secrets/{uuid4()}", 404), (f"{APPS}/{app['id']}/secrets/{secret['id']}", 400),
        (f"{APPS}/{uuid4()}/secrets/{secret['id']}", 404),
    ):  # fmt: skip
        assert (await call(world, owner, "DELETE", path)).status_code == status, path
    assert (await call(world, owner, "GET", f"{APPS}?user_id=nope")).status_code == 400
    bodies: list[Any] = [[], "x", {"name": 7}, {}, {**GOOD, "redirect_uris": "x"}, {**GOOD, "jwks": []}]
    for body in bodies:
        assert (await call(world, owner, "POST", APPS, body)).status_code == 400, body


@pytest.mark.requirement("APPS-01")
async def test_names_need_not_differ_and_lists_are_by_name(world: World) -> None:
    owner = await world.accounts.make("owner")
    for name in ("b", "a", "b", "c"):
        await made(world, owner, name=name)
    await registered(world, client_name="Another kind")
    listed = (await call(world, owner, "GET", APPS)).json()
    assert [app["name"] for app in listed] == sorted(app["name"] for app in listed)
    assert len(listed) == 5
    assert [app["name"] for app in (await call(world, owner, "GET", f"{APPS}?q=KIND")).json()] == ["Another kind"]
    by_id = (await call(world, owner, "GET", f"{APPS}?q={listed[0]['client_id']}")).json()
    assert by_id == [listed[0]]
    assert (await call(world, owner, "GET", f"{APPS}?limit=2&offset=1")).json() == listed[1:3]


@pytest.mark.requirement("APPS-03")
async def test_the_list_of_a_person_holds_what_works_for_them(world: World) -> None:
    owner, ada, ben = await world.accounts.make("owner"), await world.accounts.make(), await world.accounts.make()
    client, _ = await world.make_client(), await world.make_client()

    async def listed(asker: Person, person: Person) -> list[str]:
        answer = await call(world, asker, "GET", f"{APPS}?user_id={person.id}")
        assert answer.status_code == 200, answer.text
        return [app["id"] for app in answer.json()]

    assert await listed(ada, ada) == []
    tokens = await world.tokens(client, ada)
    assert await listed(ada, ada) == [client.id]
    assert await listed(owner, ada) == [client.id]
    assert await listed(ben, ben) == []
    assert (await call(world, ben, "GET", f"{APPS}?user_id={ada.id}")).status_code in {403, 404}
    await world.post("/oauth2/revoke", {**client.form, "token": tokens["refresh_token"]})
    assert await listed(ada, ada) == []


@pytest.mark.requirement("APPS-03", "TOK-12")
async def test_secrets_are_shown_once_and_end_with_what_they_gave(world: World) -> None:
    owner, person = await world.accounts.make("owner"), await world.accounts.make()
    app = await made(world, owner)
    path = f"{APPS}/{app['id']}/secrets"
    one, two = [(await call(world, owner, "POST", path)) for _ in range(2)]
    assert one.status_code == 201
    assert set(one.json()) == {"id", "client_secret_full"}
    text = one.json()["client_secret_full"]
    assert text.startswith("hp_cs_")
    listed = (await call(world, owner, "GET", path)).json()
    assert [each["id"] for each in listed] == [one.json()["id"], two.json()["id"]]
    assert listed[0] == {"id": one.json()["id"], "client_secret_truncated": text[-6:]}
    client = await as_client(world, app, text)
    tokens = await world.tokens(client, person)
    other = await world.tokens(await as_client(world, app, two.json()["client_secret_full"]), person)
    used = (await call(world, owner, "GET", path)).json()
    assert all("last_used_at" in each for each in used)
    assert not await world.works(tokens["access_token"])
    assert await world.works(other["access_token"])
    assert (await call(world, owner, "DELETE", f"{path}/{two.json()['id']}")).status_code == 204
    assert not await world.works(other["access_token"])
    assert is_refused(
        await world.refresh(await as_client(world, app, two.json()["client_secret_full"]), other["refresh_token"]),
        "invalid_client",
        401,
    )
    assert (await call(world, owner, "DELETE", f"{path}/{two.json()['id']}")).status_code == 404
    entries = await world.audited("oauth2_provider_app_secret")
    assert sorted(entry["action"] for entry in entries) == ["create", "create", "delete"]
    assert text.rpartition("_")[2] not in str(entries)


@pytest.mark.requirement("APPS-03")
async def test_secrets_are_for_clients_that_use_them_and_not_without_number(world: World) -> None:
    owner = await world.accounts.make("owner")
    public = await made(world, owner, client_type="public", redirect_uris=["com.example.app:/cb"])
    assert public["token_endpoint_auth_method"] == "none"
    assert public["redirect_uris"] == [CALLBACK, "com.example.app:/cb"]
    keyed = await made(
        world, owner, token_endpoint_auth_method="private_key_jwt", jwks_uri="https://client.example/keys"
    )
    for app in (public, keyed):
        assert (await call(world, owner, "POST", f"{APPS}/{app['id']}/secrets")).status_code == 400
    app = await made(world, owner)
    statuses = [
        (await call(world, owner, "POST", f"{APPS}/{app['id']}/secrets")).status_code for _ in range(MOST_SECRETS + 1)
    ]
    assert statuses == [201] * MOST_SECRETS + [400]


@pytest.mark.requirement("APPS-04")
async def test_narrowing_deleting_and_changing_end_what_was_given(world: World) -> None:
    owner, person = await world.accounts.make("owner"), await world.accounts.make()
    app = await made(world, owner, client_type="public", scope=f"{READ} {OPERATE}")
    client = await as_client(world, app)
    wide, narrow = await world.tokens(client, person, scopes=(READ, OPERATE)), await world.tokens(client, person)
    narrowed = await call(world, owner, "PUT", f"{APPS}/{app['id']}", {**GOOD, "scope": READ})
    assert narrowed.json()["scope"] == READ
    assert not await world.works(wide["access_token"])
    assert await world.works(narrow["access_token"])
    same = await call(world, owner, "PUT", f"{APPS}/{app['id']}", GOOD)
    assert same.json()["scope"] == READ
    assert await world.works(narrow["access_token"])
    await call(world, owner, "DELETE", f"{APPS}/{app['id']}")
    assert not await world.works(narrow["access_token"])
    assert is_refused(await world.refresh(client, narrow["refresh_token"]), "invalid_client", 401)


@pytest.mark.requirement("APPS-04", "M2M-01")
async def test_a_client_works_in_the_name_that_it_is_given(world: World) -> None:
    owner = await world.accounts.make("owner")
    grants = ["client_credentials"]
    app = await made(
        world, owner, callback_url="", grant_types=grants, service_organization="default", name="robot", scope=READ
    )
    secret = (await call(world, owner, "POST", f"{APPS}/{app['id']}/secrets")).json()["client_secret_full"]
    client = await as_client(world, app, secret)
    answer = await world.token(client, grant_type="client_credentials")
    assert answer.status_code == 200, answer.text
    me = (await world.whoami(answer.json()["access_token"])).json()
    assert me["username"].startswith("svc-robot-")
    assert me["id"] == app["service_user_id"]
    both = await call(
        world,
        owner,
        "POST",
        APPS,
        {**GOOD, "grant_types": grants, "service_user": "me", "service_organization": "default"},
    )
    assert both.status_code == 400
    unknown = await call(
        world, owner, "POST", APPS, {**GOOD, "grant_types": grants, "service_user": "nobody-like-that"}
    )
    assert unknown.status_code in {400, 404}
    changed = await call(world, owner, "PUT", f"{APPS}/{app['id']}", {"name": "robot", "service_user": "me"})
    assert changed.json()["service_user_id"] == str(owner.id)
    assert not await world.works(answer.json()["access_token"])
    kept = await call(world, owner, "PUT", f"{APPS}/{app['id']}", {"name": "robot"})
    assert kept.json()["service_user_id"] == str(owner.id)
    assert fields(await call(world, owner, "PUT", f"{APPS}/{app['id']}", {"name": "robot", "service_user": ""})) == {
        "grant_types"
    }


@pytest.mark.requirement("APPS-04")
async def test_clients_of_other_kinds_are_managed_as_far_as_that_makes_sense(world: World) -> None:
    owner = await world.accounts.make("owner")
    found = await registered(world, client_name="Self made client", token_endpoint_auth_method="none", scope=READ)
    path = f"{APPS}/{found['client_id']}"
    limited = await call(
        world,
        owner,
        "PUT",
        path,
        {"name": "Self made client", "callback_url": found["redirect_uris"][0], "scope": OPERATE},
    )
    assert limited.status_code == 200, limited.text
    assert (limited.json()["kind"], limited.json()["scope"]) == ("dynamic", OPERATE)
    async with world.db.connection() as conn:
        row = await queries.find_app(conn, UUID(found["client_id"]))
    assert row is not None
    assert row.scope_limit == OPERATE
    document = await world.make_client(
        kind="metadata_document", metadata_url="https://client.example/client.json", is_public=True
    )
    refused = await call(world, owner, "PUT", f"{APPS}/{document.app.id}", GOOD)
    assert refused.status_code == 409
    assert (await call(world, owner, "DELETE", f"{APPS}/{document.app.id}")).status_code == 204
    assert (await call(world, owner, "DELETE", path)).status_code == 204


@pytest.mark.requirement("APPS-01")
async def test_nothing_of_it_is_stored_by_caches_whatever_happens(db: Database) -> None:
    async with World(db) as world:
        owner = await world.accounts.make("owner")
        for method, path in (("GET", APPS), ("GET", f"{APPS}/nope"), ("POST", APPS), ("GET", f"{APPS}/{uuid4()}")):
            answer = await call(world, owner, method, path, {} if method == "POST" else None)
            assert answer.headers["cache-control"] == "no-store", (method, path)


@pytest.mark.requirement("APPS-04", "SEC-01")
async def test_changes_that_meet_tokens_of_the_same_client_are_no_errors(world: World) -> None:
    owner, person = await world.accounts.make("owner"), await world.accounts.make()
    app = await made(world, owner, client_type="public")
    client = await as_client(world, app)
    for scope in (READ, OPERATE, READ, ""):
        pairs = [await world.tokens(client, person, scopes=(READ,)) for _ in range(3)]
        codes = [await world.code(client, person) for _ in range(3)]
        answers = await asyncio.gather(
            *(world.refresh(client, pair["refresh_token"]) for pair in pairs),
            *(call(world, owner, "PUT", f"{APPS}/{app['id']}", {**GOOD, "scope": scope}) for _ in range(2)),
            *(world.redeem(client, code) for code in codes),
        )
        assert {answer.status_code for answer in answers} <= {200, 400}, [answer.text for answer in answers]
