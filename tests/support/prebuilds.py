"""Prebuilt workspaces, made by the services as the system user that owns them."""

from uuid import UUID

from homeport.database import Database
from homeport.kit import clock
from homeport.kit.crypto import Cipher
from homeport.organizations.queries import members
from homeport.rbac import PREBUILDS_USER_ID, InternalName, system_subject
from homeport.workspaces.schemas import CreateWorkspaceRequest, Workspace
from homeport.workspaces.service import create_workspace
from tests.support.names import unique_name

PREBUILDS = "prebuilds"


async def make_prebuilt(db: Database, cipher: Cipher, template_id: UUID, *, name: str = "") -> Workspace:
    """Make a prebuilt workspace of a template; its first start is pending."""
    async with db.transaction() as conn:
        place = await conn.fetchval("select organization_id from templates where id = $1", template_id)
        if await members.find_member(conn, place, PREBUILDS_USER_ID) is None:
            await members.insert_member(conn, place, PREBUILDS_USER_ID, (), clock.now())
    request = CreateWorkspaceRequest(name=name or unique_name("pre"), template_id=template_id)
    subject = system_subject(InternalName.PREBUILDS)
    return await create_workspace(db, cipher, subject=subject, owner=PREBUILDS, request=request)
