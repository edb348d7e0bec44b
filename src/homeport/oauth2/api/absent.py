"""What is not there says so in JSON, also where the authorization server is switched off: clients try several addresses.

Without these routes the addresses would be taken for pages of the dashboard, which send strangers to the sign-in page.
"""

from typing import Any

from litestar import route
from litestar.enums import HttpMethod

from homeport.kit.errors import NotFound
from homeport.kit.routes import public

_METHODS = [HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE]


@route(
    ["/.well-known/{path:path}", "/oauth2/{path:path}"],
    http_method=_METHODS,
    opt=public("there is nothing to protect", has_cors=True),
    include_in_schema=False,
)
async def nothing() -> None:
    """Answer 404. Nothing of the address is repeated: what OAuth's errors may hold is less than what an address may."""
    raise NotFound("There is nothing at this address.")


routes: list[Any] = [nothing]
