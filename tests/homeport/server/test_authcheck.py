"""Questions about permissions on a whole deployment: answered as its objects are, by one statement or none."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from homeport.access.checks import _STORED
from homeport.access.queries import AUTHENTICATE, LIST_OBJECTS
from homeport.kit.ids import NIL_ID, new_id
from homeport.rbac import ACTIONS, PREBUILDS_USER_ID, Object, ResourceType, is_allowed
from tests.homeport.server.deployment import Deployment
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Person
from tests.support.names import unique_name
from tests.support.statements import watch_statements

R = ResourceType
ORG = DEFAULT_ORGANIZATION_ID
PEOPLE = (
    "owner", "template-admin", "user-admin", "auditor", "member", "stranger", "organization-admin", "organization-auditor",
    "organization-user-admin", "organization-template-admin", "organization-workspace-creation-ban",
)  # fmt: skip


async def ask(deployment: Deployment, person: Person, checks: dict[str, Any]) -> dict[str, bool]:
    answer: dict[str, bool] = await deployment.ask(person, "POST", "/authcheck", {"checks": checks})
    assert answer.keys() == checks.keys()
    return answer


async def another_organization(deployment: Deployment) -> UUID:
    found = new_id()
    await deployment.db.execute(
        "insert into organizations (id, name, created_at, updated_at) values ($1, $2, now(), now())",
        found,
        unique_name(),
    )
    return found


async def objects(deployment: Deployment, owner: Person, ann: Person) -> list[Object]:
    """Make one of everything that has an id, and return what decisions about each speak of (authorization-and-data 9)."""
    words = (await deployment.furnish(owner, ann, user="me")).words
    template, workspace = UUID(words["template"]), UUID(words["workspace"])
    acls: dict[str, Any] = {"user_acl": {str(ann.id): ["update"]}, "group_acl": {str(ORG): ["read", "use"]}}
    await deployment.db.execute(
        "update templates set user_acl = $2, group_acl = $3 where id = $1",
        template,
        acls["user_acl"],
        acls["group_acl"],
    )
    prebuilt, dormant = [UUID((await deployment.workspace(ann, str(template)))[0]["id"]) for _ in range(2)]
    await deployment.db.execute("update workspaces set owner_id = $2 where id = $1", prebuilt, PREBUILDS_USER_ID)
    await deployment.db.execute("update workspaces set dormant_at = now() where id = $1", dormant)
    return [
        Object(R.WORKSPACE, workspace, ann.id, ORG),
        Object(R.WORKSPACE, prebuilt, PREBUILDS_USER_ID, ORG),
        Object(R.PREBUILT_WORKSPACE, prebuilt, PREBUILDS_USER_ID, ORG),
        Object(R.WORKSPACE_DORMANT, dormant, ann.id, ORG),
        Object(R.TEMPLATE, template, None, ORG, **acls),
        Object(R.USER, ann.id, ann.id),
        Object(R.ORGANIZATION, ORG, None, ORG),
        Object(R.ORGANIZATION_MEMBER, ann.id, ann.id, ORG),
        Object(R.GROUP, ORG, None, ORG, group_acl={str(ORG): ["read"]}),
        Object(R.GROUP_MEMBER, ann.id, ann.id, ORG),
        Object(R.FILE, UUID(words["file_id"]), owner.id, ORG),
        Object(R.API_KEY, words["keyid"], ann.id),
        Object(R.PROVISIONER_JOBS, UUID(words["job"]), None, ORG),
        Object(R.OAUTH2_APP, UUID(words["app"])),
        Object(R.OAUTH2_APP_SECRET, UUID(words["secret"])),
        Object(R.OAUTH2_APP_CODE_TOKEN, UUID(words["grant"]), ann.id),
        *await stored_objects(deployment, ann, workspace),
    ]


async def stored_objects(deployment: Deployment, ann: Person, workspace: UUID) -> list[Object]:
    """The same for what the deployment has by itself, or no route makes yet."""
    db = deployment.db
    group, connection, daemon = new_id(), new_id(), new_id()
    await db.execute(
        "insert into groups (id, organization_id, name, created_at, updated_at) values ($1, $2, $3, now(), now())",
        group, ORG, unique_name(),
    )  # fmt: skip
    await db.execute(
        """
        insert into connection_logs
            (id, connect_time, organization_id, workspace_owner_id, workspace_id, workspace_name, agent_name, type, ip, user_id)
        values ($1, now(), $2, $3, $4, 'w', 'main', 'ssh', '127.0.0.1', $3)
        """,
        connection, ORG, ann.id, workspace,
    )  # fmt: skip
    await db.execute(
        """
        insert into provisioner_daemons (id, organization_id, kind, name, version, provisioners, tags, created_at)
        values ($1, $2, 'user-auth', 'mine', 'v1', '{echo}', $3, now())
        """,
        daemon, ORG, {"scope": "user", "owner": str(ann.id)},
    )  # fmt: skip
    audit = "select id from audit_logs where organization_id = $1 limit 1"
    return [
        Object(R.GROUP, group, None, ORG, group_acl={str(group): ["read"]}),
        Object(R.AUDIT_LOG, await db.fetchval(audit, ORG), None, ORG),
        Object(R.AUDIT_LOG, await db.fetchval(audit, NIL_ID)),
        Object(R.CONNECTION_LOG, connection, None, ORG),
        Object(R.PROVISIONER_DAEMON, daemon, ann.id, ORG),
        Object(
            R.PROVISIONER_DAEMON,
            await db.fetchval("select id from provisioner_daemons where id <> $1", daemon),
            None,
            ORG,
        ),
        Object(R.PROVISIONER_DAEMON, await db.fetchval("select id from provisioner_keys limit 1"), None, ORG),
    ]


def questions(target: Object, *, id_: object = None) -> dict[str, Any]:
    """Ask for every action on an object, by its id alone."""
    named = {"resource_type": target.type.value, "resource_id": str(id_ or target.id)}
    return {
        f"{target.type}:{action}:{id_ or target.id}": {"object": named, "action": action}
        for action in ACTIONS[target.type]
    }


@pytest.mark.requirement("AUTHCHECK-OBJECTS-01")
async def test_every_object_is_decided_as_it_is_whoever_asks(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    targets = await objects(deployment, owner, ann)
    assert {target.type for target in targets} == _STORED, "a type with ids has no object here"
    elsewhere = await another_organization(deployment)
    people = [ann, *[await deployment.accounts.make(kind) for kind in PEOPLE]]
    people += [
        await deployment.accounts.make(kind, organization_ids=[elsewhere])
        for kind in ("member", "organization-admin", "organization-template-admin")
    ]
    wanted = {name: question for target in targets for name, question in questions(target).items()}
    counts = {True: 0, False: 0}
    for person in people:
        expected = {
            f"{target.type}:{action}:{target.id}": is_allowed(person.me, action, target)
            for target in targets for action in ACTIONS[target.type]
        }  # fmt: skip
        assert await ask(deployment, person, wanted) == expected, person.kind
        for allowed in expected.values():
            counts[allowed] += 1
    assert min(counts.values()) > 200, counts


@pytest.mark.requirement("AUTHCHECK-SECRECY-01")
async def test_what_does_not_exist_is_answered_like_what_is_refused(deployment: Deployment) -> None:
    owner, ann, stranger = [await deployment.accounts.make(kind) for kind in ("owner", "member", "stranger")]
    targets = await objects(deployment, owner, ann)
    unknown = {
        name: question
        for target in targets
        for name, question in questions(target, id_="0123456789" if target.type == R.API_KEY else uuid4()).items()
    }
    assert not any((await ask(deployment, owner, unknown)).values()), "to an owner nothing unknown is allowed either"
    assert not any((await ask(deployment, stranger, unknown)).values())
    known = {name: question for target in targets for name, question in questions(target).items()}
    seen = {name.rpartition(":")[0] for name, allowed in (await ask(deployment, stranger, known)).items() if allowed}
    assert seen == {"oauth2_app:read"}, "which applications there are is known to all"
    deleted = UUID((await deployment.workspace(ann, str(targets[4].id)))[0]["id"])
    await deployment.db.execute("update workspaces set deleted = true where id = $1", deleted)
    gone = questions(Object(R.WORKSPACE, deleted))
    assert not any((await ask(deployment, ann, gone)).values())
    # Another type's id is none of this type's.
    crossed = questions(Object(R.TEMPLATE, targets[0].id)) | questions(Object(R.WORKSPACE, targets[4].id))
    assert not any((await ask(deployment, owner, crossed)).values())


@pytest.mark.requirement("AUTHCHECK-QUERY-01")
async def test_any_number_of_checks_asks_the_database_once_or_not_at_all(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    targets = await objects(deployment, owner, ann)
    kinds = {
        f"{type_}:{action}": {"object": {"resource_type": type_, "owner_id": "me", "organization_id": str(ORG)}, "action": action}
        for type_, actions in ACTIONS.items() for action in actions
    }  # fmt: skip
    named = {name: question for target in targets for name, question in questions(target).items()}
    await ask(deployment, ann, {})
    seen = watch_statements(deployment.db, monkeypatch)
    for checks, statements in (({}, 0), (kinds, 0), (dict([*named.items()][:1]), 1), (named, 1), (named | kinds, 1)):
        seen.clear()
        await ask(deployment, ann, checks)
        await asyncio.sleep(0)
        assert len(seen) == statements + 1, [query for query, _ in seen]
        assert sum(query == AUTHENTICATE for query, _ in seen) == 1


@pytest.mark.requirement("AUTHCHECK-QUERY-01")
async def test_objects_are_found_by_their_keys_and_types_that_are_not_asked_for_are_not_read(
    deployment: Deployment,
) -> None:
    async with deployment.db.connection() as conn:
        # Tables of a test are small: what a large deployment would do is what counts.
        await conn.execute("set enable_seqscan = off")
        rows = await conn.fetch(f"explain analyze {LIST_OBJECTS}", ["workspace", "template"], [uuid4(), uuid4()], [])
        await conn.execute("reset enable_seqscan")
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan, plan
    read = re.findall(r"Scan (?:using \w+ )?on (\w+) \w+ (?!.*never executed)", plan)
    assert {*read} == {"workspaces", "templates", "api_keys"}, plan


@pytest.mark.requirement("AUTHCHECK-SCOPES-01")
async def test_a_token_is_answered_within_its_scopes(deployment: Deployment) -> None:
    owner, ann = await deployment.accounts.make("owner"), await deployment.accounts.make()
    template, _ = await deployment.template(owner)
    (one, _), (other, _) = [await deployment.workspace(ann, template["id"]) for _ in range(2)]
    wanted = {"scopes": ["workspace:read"], "allow_list": [{"type": "workspace", "id": one["id"]}]}
    token = (await deployment.ask(ann, "POST", "/users/me/keys/tokens", wanted))["key"]
    checks = {
        f"{action} {name}": {"object": {"resource_type": "workspace", "resource_id": made["id"]}, "action": action}
        for name, made in (("one", one), ("other", other)) for action in ("read", "update")
    }  # fmt: skip
    found = await deployment.ask(None, "POST", "/authcheck", {"checks": checks}, headers={"Coder-Session-Token": token})
    assert {name for name, allowed in found.items() if allowed} == {"read one"}
    assert all((await ask(deployment, ann, checks)).values())


@pytest.mark.requirement("AUTHCHECK-INPUT-01")
async def test_mistakes_and_strangers_are_refused(deployment: Deployment) -> None:
    ann = await deployment.accounts.make()
    asked = {"checks": {"can I": {"object": {"resource_type": "cheese"}, "action": "read"}}}
    answer = await deployment.api.call(ann, "POST", "/authcheck", asked)
    assert answer.status_code == 400
    assert [one["field"] for one in answer.json()["validations"]] == ["checks.can I.object.resource_type"]
    assert (await deployment.api.call(None, "POST", "/authcheck", {"checks": {}})).status_code == 401
