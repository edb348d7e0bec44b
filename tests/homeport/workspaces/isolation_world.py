"""Templates of the process engine, and daemons that isolate or do not."""

from homeport.kit import clock
from homeport.kit.ids import new_id
from homeport.provisioning.queries.daemons import upsert_daemon
from homeport.provisioning.service import provisioner_tags
from homeport.provisioning.types import DaemonRow, Isolation
from tests.homeport.workspaces.world import Template, World
from tests.support.names import unique_name


async def process_template(world: World) -> Template:
    """Insert a template that the process engine builds."""
    template = await world.template(provisioner="process")
    await world.db.execute(
        "update provisioner_jobs set provisioner = 'process' where id = (select job_id from template_versions where id = $1)",
        template.version_id,
    )
    return template


async def daemon(world: World, isolation: Isolation) -> DaemonRow:
    """Insert a living daemon with the process engine."""
    now = clock.now()
    row = DaemonRow(
        id=new_id(), organization_id=world.organization_id, key_id=None, kind="psk", name=unique_name("daemon"),
        version="1", api_version="1.0", provisioners=["process"], tags=provisioner_tags({}, None), created_at=now,
        last_seen_at=now, isolation=isolation,
    )  # fmt: skip
    async with world.db.transaction() as conn:
        return await upsert_daemon(conn, row)
