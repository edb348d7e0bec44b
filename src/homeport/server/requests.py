"""Reading the JSON body of a request: straight into the shape that the handler declares, and strictly.

The framework would decode a body into plain objects first and be lenient about types when it makes the shape of them: a
text that says a number would pass for a number, and what the decoder refuses would have no name.
"""

from functools import cache
from typing import Any

import msgspec
from litestar import Request
from litestar.handlers import BaseRouteHandler

from homeport.kit.errors import BadRequest

_NOT_JSON = "The request body is not JSON."


class JsonRequest(Request[Any, Any, Any]):
    """A request whose `json` is what its handler takes as `data`. Raises 400, or what msgspec says of the fields."""

    async def json(self) -> Any:
        """Return the body, decoded."""
        body = await self.body()
        try:
            return _decoder(self.route_handler).decode(body or b"null")
        except UnicodeDecodeError as error:
            raise BadRequest(_NOT_JSON, detail="A text in it is not UTF-8.") from error
        except RecursionError as error:
            raise BadRequest(_NOT_JSON, detail="It is nested too deeply.") from error


@cache
def _decoder(handler: BaseRouteHandler) -> msgspec.json.Decoder[Any]:
    """Return the decoder of what a handler takes; handlers live as long as the application."""
    data = handler.parsed_fn_signature.parameters.get("data")
    return msgspec.json.Decoder(Any if data is None else data.annotation)
