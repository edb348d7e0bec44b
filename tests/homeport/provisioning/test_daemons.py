"""How many daemons there may be of one credential."""

import asyncio
from typing import Any

import pytest

from homeport.kit.clock import FakeClock
from homeport.provisioning import rules
from tests.homeport.provisioning.queue_world import PSK, QueueWorld


async def _register(queue: QueueWorld, name: str, who: Any = None) -> int:
    """Ask for a job as a daemon of this name, with the deployment's secret or as somebody; returns the status."""
    headers = {} if who else {"Coder-Provisioner-Daemon-PSK": PSK}
    body = {"name": name, "version": "1", "provisioners": ["echo"], "wait_seconds": 0}
    path = "/organizations/default/provisionerdaemons/acquire"
    answer = await queue.api.call(who, "POST", path, body, headers=headers)
    if answer.status_code == 409:
        assert "work for one organization, and so many are connected. Stop some" in answer.json()["message"]
    return answer.status_code


@pytest.mark.requirement("QUEUE-DAEMONS-01")
async def test_a_credential_has_a_bounded_number_of_daemons(
    queue: QueueWorld, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_DAEMONS", 3)

    async def names() -> list[str]:
        return sorted(row["name"] for row in await queue.db.fetch("select name from provisioner_daemons"))

    job = await queue.running_on(await queue.daemon())
    busy = await queue.db.fetchval("select name from provisioner_daemons")
    clock.advance(rules.STALE_AFTER)
    # Names that change with each start: the quiet ones go, but none that has a job.
    assert [await _register(queue, f"a-{number}") for number in range(2)] == [204, 204]
    clock.advance(rules.STALE_AFTER)
    assert [await _register(queue, f"b-{number}") for number in range(2)] == [204, 204]
    assert await names() == sorted([busy, "b-0", "b-1"])
    # All live: at once or one after another, none more is let in, and those that are there are not disturbed.
    await queue.log(job, "here")
    assert await asyncio.gather(*(_register(queue, f"c-{number}") for number in range(5))) == [409] * 5
    assert await _register(queue, "b-1") == 204
    assert await names() == sorted([busy, "b-0", "b-1"])


@pytest.mark.requirement("QUEUE-DAEMONS-01")
async def test_each_person_has_a_number_of_their_own(queue: QueueWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "MOST_DAEMONS", 1)
    monkeypatch.setattr(rules, "MOST_DAEMONS_OF_PERSON", 2)
    assert await _register(queue, "by-secret") == 204
    for _ in range(2):
        member = await queue.accounts.make()
        assert [await _register(queue, name, member) for name in ("a", "b", "c", "a")] == [204, 204, 409, 204]
    owner = await queue.accounts.make("owner")
    assert [await _register(queue, name, owner) for name in ("d", "e")] == [204, 409]


@pytest.mark.requirement("QUEUE-DAEMONS-01")
async def test_many_new_daemons_at_once_do_not_pass_the_bound(
    queue: QueueWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MOST_DAEMONS", 3)
    answers = await asyncio.gather(*(_register(queue, f"new-{number}") for number in range(8)))
    assert sorted(answers) == [204] * 3 + [409] * 5
    assert await queue.db.fetchval("select count(*) from provisioner_daemons") == 3
