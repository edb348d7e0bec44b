"""Groups for tests, made over HTTP as people make them."""

from typing import Any
from uuid import UUID

from homeport.database import Database
from homeport.kit.ids import new_id
from tests.support.accounts import DEFAULT_ORGANIZATION_ID, Api, Person

DEFAULT = str(DEFAULT_ORGANIZATION_ID)
EVERYONE = f"/groups/{DEFAULT}"
HERE = "/organizations/default/groups"


async def organization(db: Database, name: str = "blue") -> UUID:
    """Make an organization with its Everyone group."""
    organization_id = new_id()
    await db.execute(
        "insert into organizations (id, name, created_at, updated_at) values ($1, $2, now(), now())",
        organization_id,
        name,
    )
    await db.execute(
        "insert into groups (id, organization_id, name, created_at, updated_at) values ($1, $1, 'Everyone', now(), now())"
        " on conflict do nothing",
        organization_id,
    )
    return organization_id


async def make(api: Api, person: Person, name: str, *, place: str | UUID = "default", **more: Any) -> dict[str, Any]:
    """Make a group and return it."""
    answer = await api.call(person, "POST", f"/organizations/{place}/groups", {"name": name, **more})
    assert answer.status_code == 201, answer.text
    group: dict[str, Any] = answer.json()
    return group


async def add(api: Api, person: Person, group: dict[str, Any], *people: Person) -> None:
    """Add people to a group."""
    body = {"add_users": [str(each.id) for each in people]}
    answer = await api.call(person, "PATCH", f"/groups/{group['id']}", body)
    assert answer.status_code == 200, answer.text


def fields(answer: Any) -> list[str]:
    """Return the fields that a refusal names."""
    return [each["field"].removeprefix("$.").split("[")[0] for each in answer.json()["validations"]]
