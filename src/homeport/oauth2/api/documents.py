"""Telling readers of the API document about bodies that handlers read by themselves."""

from collections.abc import Iterable
from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from homeport.oauth2.rules.forms import FORM_TYPE


def form_operation(parameters: Iterable[str], *needed: str) -> type[Operation]:
    """Return an operation whose body is a form of these parameters, texts all of them; some are always needed."""
    schema = Schema(
        type=OpenAPIType.OBJECT,
        properties={name: Schema(type=OpenAPIType.STRING) for name in sorted(parameters)},
        required=list(needed) or None,
    )
    body = RequestBody(content={FORM_TYPE: OpenAPIMediaType(schema=schema)}, required=True)

    @dataclass
    class FormOperation(Operation):
        """An operation that takes this form."""

        def __post_init__(self) -> None:
            """Describe the body, which the handler reads by itself."""
            self.request_body = body

    return FormOperation
