"""The conformance checks of the package scim2-tester, and its client, against a whole server."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from tests.interop.conftest import SCIM_TOKEN
from tests.support.server import Server

# What the checks want beyond the standard: that an answer adds nothing to what was sent. Ours add who is called how (`display`)
# and that the one address is the primary one, both of which the standard leaves to the server (RFC 7643 2.2, 4.1.2).
ADDED_BY_THE_SERVER = {
    ("check_replace_attribute", "emails"),
    ("check_add_attribute", "members"),
    ("check_replace_attribute", "members"),
}
LEAST_CHECKS = 50


@pytest.fixture
def client(server: Server) -> Iterator[SyncSCIMClient]:
    """A client of the server's SCIM that knows nothing of it yet."""
    headers = {"Authorization": f"Bearer {SCIM_TOKEN}"}
    with httpx2.Client(base_url=f"{server.url}/scim/v2", headers=headers, timeout=30) as http:
        yield SyncSCIMClient(http)


@pytest.mark.requirement("SCIM-TESTER-01")
def test_every_check_passes(client: SyncSCIMClient) -> None:
    client.discover()
    results = check_server(client)
    wrong = {
        (result.title, word): f"{result.title}: {result.reason}"
        for result in results
        if result.status != Status.SUCCESS
        for word in [next((word for word in ("emails", "members") if f"'{word}'" in (result.reason or "")), "")]
    }
    assert len(results) > LEAST_CHECKS
    assert [words for key, words in wrong.items() if key not in ADDED_BY_THE_SERVER] == []
    assert all("unexpected value" in words for words in wrong.values())


@pytest.mark.requirement("SCIM-TESTER-01")
def test_a_client_that_discovers_keeps_a_person_and_a_group(client: SyncSCIMClient) -> None:
    # The models are made of what the server says of itself, so nobody can know their types.
    scim: Any = client
    scim.discover()
    user_model, group_model = scim.get_resource_model("User"), scim.get_resource_model("Group")
    user = scim.create(
        user_model(user_name="discovered@corp.test", emails=[{"value": "discovered@corp.test"}], active=True)
    )
    group = scim.create(group_model(display_name="Discovered", members=[{"value": user.id, "type": "User"}]))
    assert [member.value for member in scim.query(group_model, group.id).members] == [user.id]
    user.active = False
    assert scim.replace(user).active is False
    scim.delete(group_model, group.id)
    scim.delete(user_model, user.id)
