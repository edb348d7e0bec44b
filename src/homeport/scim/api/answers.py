"""Requests and answers of SCIM: its content type, parameters whose names have no case, versions as entity tags."""

from typing import Any

from litestar import Request, Response

from homeport.scim.rules.bodies import read_body
from homeport.scim.rules.lists import read_shape
from homeport.scim.rules.resources import is_version
from homeport.scim.types import MEDIA_TYPE, Document, Shape

AnyRequest = Request[Any, Any, Any]


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response[Any]:
    """Answer with a document."""
    return Response(content, status_code=status, headers=headers or {}, media_type=MEDIA_TYPE)


def resource(request: AnyRequest, content: dict[str, Any], status: int = 200) -> Response[Any]:
    """Answer with a resource, its address and its version; 304 where the client has this version already."""
    meta = content.get("meta", {})
    headers = {}
    if version := meta.get("version"):
        headers["ETag"] = version
    if status == 201 and "location" in meta:
        headers["Location"] = meta["location"]
    known = request.headers.get("if-none-match", "")
    if request.method == "GET" and known and version and is_version(known, version):
        return Response(None, status_code=304, headers=headers)
    return answer(content, status, headers)


def parameters(request: AnyRequest) -> dict[str, Any]:
    """Return the query's parameters, the last of each name; names in lower case."""
    return {name.lower(): value for name, value in request.query_params.multi_items()}


def shape(request: AnyRequest) -> Shape:
    """Return which attributes the client asks for."""
    return read_shape(parameters(request))


async def document(request: AnyRequest) -> Document:
    """Return the body of the request. Raises invalidSyntax for what is no JSON object."""
    return read_body(request.headers.get("content-type", ""), await request.body())


def if_match(request: AnyRequest) -> str:
    """Return the version that the client wants to change, or an empty text."""
    return request.headers.get("if-match", "")
