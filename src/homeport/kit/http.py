"""HTTP shapes that every room shares: the response body of errors and plain answers, pagination."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar.params import QueryParameter

from homeport.kit.errors import FieldError

MAX_PAGE = 1000
DEFAULT_PAGE = 100


class Response(msgspec.Struct, omit_defaults=True):
    """The reference's answer body for errors and for "done" answers."""

    message: str
    detail: str = ""
    validations: list[FieldError] = []


class Page(msgspec.Struct, frozen=True):
    """A window on a list: at most `limit` rows, after `after_id` (keyset) or skipping `offset`."""

    limit: int = DEFAULT_PAGE
    offset: int = 0
    after_id: UUID | None = None


def takes_html(accept: str) -> bool:
    """Tell whether a person is asking: a browser that goes to an address says that it takes HTML."""
    return "text/html" in accept.lower()


LimitParameter = Annotated[
    int, QueryParameter(name="limit", ge=0, le=MAX_PAGE, description="At most this many rows; 0 asks for the default.")
]
OffsetParameter = Annotated[
    int, QueryParameter(name="offset", ge=0, le=2_147_483_647, description="Skip this many rows.")
]
AfterParameter = Annotated[UUID | None, QueryParameter(name="after_id", description="Rows after the one with this id.")]

AfterLine = Annotated[
    int, QueryParameter(name="after", ge=0, le=2**63 - 1, description="Lines after the one with this id.")
]
BeforeLine = Annotated[
    int | None,
    QueryParameter(name="before", ge=0, le=2**63 - 1, description="Lines before the one with this id; 0: all."),
]


def page(*, limit: int = 0, offset: int = 0, after_id: UUID | None = None) -> Page:
    """Build a page from query parameters; a limit of 0 means the default of 100."""
    return Page(limit=limit or DEFAULT_PAGE, offset=offset, after_id=after_id)
