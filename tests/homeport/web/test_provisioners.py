"""Provisioners in the dashboard: daemons, jobs with why they wait and a way to cancel them, keys."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.provisioning.queries import daemons as daemon_queries
from homeport.provisioning.types import DaemonRow
from tests.homeport.web.site import Document, Site
from tests.homeport.web.test_escaping import ATTACK, check
from tests.homeport.web.test_organizations import actions, links, text_of
from tests.support.accounts import DEFAULT_ORGANIZATION_ID

BASE = "/organizations/coder/provisioners"
PLAIN = {"scope": "organization", "owner": ""}


async def _daemon(
    site: Site, name: str, *, tags: dict[str, str] | None = None, key_id: UUID | None = None
) -> DaemonRow:
    now = clock.now()
    row = DaemonRow(
        id=new_id(), organization_id=DEFAULT_ORGANIZATION_ID, key_id=key_id, kind="key" if key_id else "psk", name=name,
        version="v1", api_version="1.0", provisioners=["echo"], tags=PLAIN | (tags or {}), created_at=now, last_seen_at=now,
    )  # fmt: skip
    async with site.db.transaction() as conn:
        return await daemon_queries.upsert_daemon(conn, row)


@pytest.mark.requirement("WEB-ORG-15")
async def test_a_key_from_its_making_to_its_end(site: Site) -> None:
    owner = await site.accounts.make("owner")
    made = await site.post(owner, f"{BASE}/keys", {"name": "remote-1", "tags": "region=eu\r\n gpu = 1 \r\n"})
    assert made.status_code == 200, made.text
    assert re.search(r"HOMEPORT_URL=http\S+ HOMEPORT_PROVISIONER_KEY=… homeport provisioner start", made.text)
    secret = next(text for text in Document(made.text).texts if len(text.strip()) == 43).strip()
    key = await site.db.fetchrow("select id, tags from provisioner_keys where name = 'remote-1'")
    assert key is not None
    assert key["tags"] == {**PLAIN, "region": "eu", "gpu": "1"}
    page = await text_of(site, owner, BASE)
    assert secret not in page
    assert "0 provisioners connected" in Document(page).text
    await _daemon(site, "far-away", tags={"region": "eu"}, key_id=key["id"])
    assert "1 provisioner connected" in Document(await text_of(site, owner, BASE)).text
    assert f"{BASE}/keys/remote-1/delete" in links(page)
    question = Document(await text_of(site, owner, f"{BASE}/keys/remote-1/delete")).text
    assert "Provisioners that use it now: 1." in question
    gone = await site.post(owner, f"{BASE}/keys/remote-1/delete")
    assert gone.headers["location"] == f"{BASE}?notice=daemon-key-gone"
    assert await site.db.fetchval("select count(*) from provisioner_keys") == 0
    assert await site.db.fetchval("select count(*) from provisioner_daemons") == 0
    assert (await site.get(owner, f"{BASE}/keys/remote-1/delete")).status_code == 404
    assert (await site.post(owner, f"{BASE}/keys/remote-1/delete")).status_code == 404


@pytest.mark.requirement("WEB-ORG-15")
@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"name": "psk"}, 400, "Names of the server's own pseudo keys"),
        ({"name": "two words"}, 400, "name-problem"),
        ({"name": ""}, 400, "name-problem"),
        ({"name": "taken"}, 409, "This name is taken."),
        ({"name": "a", "tags": "region"}, 400, "Write each tag on a line of its own"),
        ({"name": "a", "tags": "=eu"}, 400, "Write each tag on a line of its own"),
        ({"name": "a", "tags": "scope=user"}, 400, "needs a user to belong to"),
    ],
)
async def test_what_is_wrong_with_a_key_stands_at_its_field(site: Site, fields, status, words) -> None:
    owner = await site.accounts.make("owner")
    assert (await site.post(owner, f"{BASE}/keys", {"name": "taken"})).status_code == 200
    reply = await site.post(owner, f"{BASE}/keys", fields)
    assert reply.status_code == status
    text = reply.text.replace("&#39;", "'")
    assert words in text
    for value in fields.values():
        assert value in text
    assert await site.db.fetchval("select count(*) from provisioner_keys") == 1


@pytest.mark.requirement("WEB-ORG-15")
async def test_daemons_what_they_do_and_why_jobs_wait(site: Site) -> None:
    owner = await site.accounts.make("owner")
    empty = Document(await text_of(site, owner, BASE)).text
    assert "No provisioner was seen" in empty
    assert "Nothing waits and nothing runs." in empty
    workspace = await site.world.create(owner, await site.world.template())
    page = await text_of(site, owner, BASE)
    words = Document(page).text
    assert workspace.name in words
    assert "No provisioner works for this organization." in words
    daemon = await _daemon(site, "lonely")
    await site.db.execute('update provisioner_jobs set tags = tags || \'{"gpu": "1"}\' where completed_at is null')
    words = Document(await text_of(site, owner, BASE)).text
    assert "No connected provisioner offers the tag gpu=1." in words
    assert "idle" in words
    await site.db.execute(
        "update provisioner_jobs set started_at = now(), worker_id = $1, worker_name = 'lonely', token_hash = 'x'"
        " where completed_at is null",
        daemon.id,
    )
    words = Document(await text_of(site, owner, BASE)).text
    assert "busy" in words
    assert "by lonely" in words
    await site.db.execute("update provisioner_daemons set last_seen_at = $1", clock.now() - timedelta(minutes=5))
    assert "offline" in Document(await text_of(site, owner, BASE)).text
    assert "succeeded" in Document(await text_of(site, owner, f"{BASE}?jobs=all")).text


@pytest.mark.requirement("WEB-ORG-15")
async def test_jobs_are_canceled_by_those_who_may(site: Site) -> None:
    owner, member = await site.accounts.make("owner"), await site.accounts.make("member")
    workspace = await site.world.create(member, await site.world.template())
    job = await site.db.fetchval("select id from provisioner_jobs where completed_at is null")
    address = f"{BASE}/jobs/{job}/cancel"
    assert address in actions(await text_of(site, owner, BASE))
    # A member sees provisioners, but no jobs of others and no keys.
    seen = await text_of(site, member, BASE)
    assert actions(seen) == {"/logout"}
    assert (await site.post(member, address)).status_code == 404
    done = await site.post(owner, address)
    assert done.headers["location"] == f"{BASE}?notice=job-canceling"
    assert (await site.world.read(member, workspace.id)).latest_build.job.status == "canceled"
    again = await site.post(owner, address)
    assert again.status_code == 400
    assert "canceled" in Document(again.text).text
    for unknown in (new_id(), "x"):
        assert (await site.post(owner, f"{BASE}/jobs/{unknown}/cancel")).status_code == 404


@pytest.mark.requirement("WEB-ORG-15")
async def test_an_import_is_canceled_too(site: Site) -> None:
    owner = await site.accounts.make("owner")
    template = await site.world.template()
    job = await site.db.fetchval("select job_id from template_versions where id = $1", template.version_id)
    await site.db.execute(
        "update provisioner_jobs set started_at = null, completed_at = null, input = $2 where id = $1",
        job, {"template_version_id": str(template.version_id)},
    )  # fmt: skip
    done = await site.post(owner, f"{BASE}/jobs/{job}/cancel")
    assert done.headers.get("location") == f"{BASE}?notice=job-canceling", done.text
    assert await site.db.fetchval("select job_status::text from provisioner_jobs where id = $1", job) == "canceled"


@pytest.mark.requirement("WEB-ORG-15")
async def test_the_pages_of_a_waiting_build_say_why(site: Site) -> None:
    person = await site.accounts.make("member")
    workspace = await site.world.create(person, await site.world.template())
    base = f"/@{person.username}/{workspace.name}"
    for path in (base, f"{base}/builds/1"):
        words = Document(await text_of(site, person, path)).text
        assert "The build waits. No provisioner works for this organization." in words
    await _daemon(site, "here")
    for path in (base, f"{base}/builds/1"):
        words = Document(await text_of(site, person, path)).text
        assert "A provisioner is free and takes it now. Place 1 of 1 in the queue." in words


@pytest.mark.requirement("WEB-ORG-15")
async def test_words_of_daemons_are_words(site: Site) -> None:
    owner = await site.accounts.make("owner")
    await _daemon(site, ATTACK, tags={ATTACK: ATTACK})
    check(await site.get(owner, BASE))
