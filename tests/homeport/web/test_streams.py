"""Streams that keep pages fresh: a build's log as it grows, and news of a workspace."""

import asyncio
from typing import Any

import msgspec
import pytest

from homeport.kit import clock
from tests.homeport.web.site import Site


async def write(site: Site, job_id: Any, *outputs: str) -> None:
    """Append lines to a job's log, with the news of it."""
    async with site.db.transaction() as conn:
        for output in outputs:
            await conn.execute(
                "insert into provisioner_job_logs (job_id, created_at, source, level, stage, output)"
                " values ($1, $2, 'provisioner', 'info', 'Stage', $3)",
                job_id, clock.now(), output,
            )  # fmt: skip
        await conn.notify("provisioner_job_logs", str(job_id))


def events(text: str) -> list[tuple[str, str, str]]:
    """Return id, name and data of each event."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields.get("id", ""), fields["event"], fields["data"]))
    return found


def outputs(text: str) -> list[str]:
    """Return the lines that a stream carried, in order."""
    return [line["output"] for _, name, data in events(text) if name == "lines" for line in msgspec.json.decode(data)]


@pytest.mark.requirement("WEB-LOG-01")
async def test_a_log_goes_on_where_the_page_stopped_and_ends_with_the_build(site: Site):
    member = await site.accounts.make("member")
    workspace = await site.world.create(member, await site.world.template())
    build = workspace.latest_build
    path = f"/@{member.username}/{workspace.name}/builds/1"
    await write(site, build.job.id, "one", "two\nlines: kept")
    shown = await site.get(member, path)
    assert "one" in shown.text
    assert f'data-log="{path}/log"' in shown.text
    after = int(shown.text.partition('data-after="')[2].partition('"')[0])
    following = asyncio.create_task(site.get(member, f"{path}/log?after={after}"))
    whole = asyncio.create_task(site.get(member, f"{path}/log"))
    await write(site, build.job.id, "three")
    await site.world.complete(build)
    reply = await asyncio.wait_for(following, 20)
    assert outputs(reply.text) == ["three"]
    assert events(reply.text)[-1][1] == "end"
    assert outputs((await asyncio.wait_for(whole, 20)).text) == ["one", "two\nlines: kept", "three"]
    # A browser that reconnects says which line it has seen last; that counts more than the address.
    last = events(reply.text)[0][0]
    again = await site.get(member, f"{path}/log?after=0", headers={"last-event-id": last})
    assert outputs(again.text) == []
    assert "data-log" not in (await site.get(member, path)).text


@pytest.mark.requirement("WEB-LOG-01")
@pytest.mark.parametrize("after", ["x", "-1", "9" * 40, ""])
async def test_a_log_from_an_odd_line_is_a_log(site: Site, after: str):
    member = await site.accounts.make("member")
    workspace = await site.world.running(member)
    reply = await site.get(member, f"/@{member.username}/{workspace.name}/builds/1/log?after={after}")
    assert reply.status_code == 200
    assert events(reply.text)[-1][1] == "end"


@pytest.mark.requirement("WEB-LIVE-01")
async def test_news_end_when_the_workspace_is_gone(site: Site):
    member, other = await site.accounts.make("member"), await site.accounts.make("member")
    workspace = await site.world.running(member)
    path = f"/@{member.username}/{workspace.name}/events"
    assert (await site.get(other, path)).status_code == 404
    build = await site.world.build(member, workspace.id, "delete")
    watching = asyncio.create_task(site.get(member, path))
    await site.world.complete(build, resources=[])
    reply = await asyncio.wait_for(watching, 20)
    names = [name for _, name, _ in events(reply.text)]
    assert names[-1] == "gone"
    assert set(names[:-1]) <= {"changed"}
