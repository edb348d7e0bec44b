"""What ends when a client may do less than before: tokens beyond its new limit, and codes for addresses that are not its any more.

Codes are held against the limit when they are redeemed.
"""

from collections.abc import Sequence

from homeport.config import Settings
from homeport.database import Connection
from homeport.oauth2.queries import narrowing as queries
from homeport.oauth2.queries.tokens import delete_family, delete_token
from homeport.oauth2.rules import redirects
from homeport.oauth2.rules.scopes import still_granted
from homeport.oauth2.types import AppRow


async def end_what_is_beyond(conn: Connection, settings: Settings, *, before: AppRow, after: AppRow) -> None:
    """End the tokens of a client that go beyond what it may have now. What people granted stays written down.

    The client authorizes anew for what is left.
    """

    def is_beyond(scopes: Sequence[str]) -> bool:
        return len(still_granted(after, settings.oauth2_unregistered_client_scopes, scopes)) < len(scopes)

    is_limited = bool(after.scope_limit) and after.scope_limit != before.scope_limit
    if is_limited:
        for family in await queries.list_families(conn, after.id):
            if is_beyond(family.scopes):
                await delete_family(conn, family.id)
    if is_limited or after.service_user_id != before.service_user_id:
        for token in await queries.list_service_tokens(conn, after.id):
            if token.user_id != after.service_user_id or is_beyond(token.scopes):
                await delete_token(conn, token.id)
    if set(before.callbacks) - set(after.callbacks):
        for code in await queries.list_codes(conn, after.id):
            if code.redirect_uri is None or not redirects.matched(code.redirect_uri, after.callbacks):
                await queries.delete_code(conn, code.id)
