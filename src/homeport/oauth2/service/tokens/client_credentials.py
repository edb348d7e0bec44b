"""client_credentials: a client works in the name of the service identity that it was given (RFC 6749 section 4.4).

There is no refresh token: the client can ask again. The scopes are a ceiling over the rights that the identity has at
each use, as for people.
"""

from typing import Final

from homeport.audit import AuditAction
from homeport.config import Settings
from homeport.database import Connection, Database
from homeport.oauth2.errors import invalid_target, unauthorized_client
from homeport.oauth2.queries.tokens import is_person_active
from homeport.oauth2.rules import resources, scopes
from homeport.oauth2.rules.forms import Form
from homeport.oauth2.schemas.tokens import OAuth2TokenResponse
from homeport.oauth2.service.clients import Client, note_use
from homeport.oauth2.service.tokens.issuing import issue_pair
from homeport.oauth2.service.trail import record_token
from homeport.oauth2.types import GrantType

PARAMETERS: Final = frozenset({"scope"})
_NO_IDENTITY: Final = "This client has no service identity that may act; an administrator gives it one."


async def issue_for_service(db: Database, settings: Settings, client: Client, form: Form) -> OAuth2TokenResponse:
    """Issue an access token for the client's service identity. Raises unauthorized_client, invalid_scope, invalid_target."""
    app = client.app
    user_id = app.service_user_id
    if app.is_public:
        raise unauthorized_client("A public client cannot prove itself, so it cannot work in its own name.")
    if user_id is None:
        raise unauthorized_client(_NO_IDENTITY)
    asked = form.resource
    resource = resources.own_resource(asked, settings.access_url)
    if asked and not resource:
        raise invalid_target("The resource is none of this server.")
    wanted = scopes.requested(form.get("scope"), scopes.ceiling_of(app, settings.oauth2_unregistered_client_scopes))

    async def work(conn: Connection) -> OAuth2TokenResponse:
        if not await is_person_active(conn, user_id):
            raise unauthorized_client(_NO_IDENTITY)
        pair = await issue_pair(
            conn,
            settings,
            client=client,
            user_id=user_id,
            scopes=wanted,
            audience=resource or None,
            family=None,
        )
        await note_use(conn, client)
        await record_token(conn, AuditAction.CREATE, app, after=pair.row, grant_type=GrantType.CLIENT_CREDENTIALS)
        return pair.answer

    return await db.run(work, isolation="read_committed")
