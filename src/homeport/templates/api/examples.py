"""HTTP of the templates that come with the server."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from homeport.access.routes import authenticated
from homeport.database import Database
from homeport.organizations.service import resolve_organization
from homeport.rbac import Subject
from homeport.templates.schemas import TemplateExample
from homeport.templates.service import examples


@get(
    "/templates/examples",
    summary="List example templates",
    tags=["Templates"],
    opt=authenticated(),
    sync_to_thread=True,
)
def list_examples() -> list[TemplateExample]:
    """Return the examples."""
    return examples.list_examples()


@get(
    "/organizations/{organization:str}/templates/examples",
    summary="List example templates of an organization",
    tags=["Templates"],
    opt=authenticated(),
)
async def list_organization_examples(organization: str, subject: Subject, db: Database) -> list[TemplateExample]:
    """Return the examples; the organization must be readable. Deprecated: every organization has the same."""
    async with db.connection() as conn:
        await resolve_organization(conn, subject, organization)
    return examples.list_examples()


routes: list[HTTPRouteHandler] = [list_examples, list_organization_examples]
