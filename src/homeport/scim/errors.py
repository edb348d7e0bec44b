"""Errors as SCIM tells them (RFC 7644 3.12): every refusal below /scim has this one form."""

from typing import Any

from homeport.kit.errors import FieldError, HomeportError, NotAuthenticated
from homeport.scim.types import ERROR_MESSAGE, PREFIX

MOST_DETAIL = 1000


class ScimError(HomeportError):
    """A refusal. `message` is the detail; `scim_type` one of the standard's words, or empty where it has none."""

    def __init__(self, status: int, message: str, scim_type: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.scim_type = scim_type


class ProviderUnknown(NotAuthenticated):
    """401: the request brings no token, or a wrong one."""

    def __init__(self, *, has_token: bool) -> None:
        super().__init__(
            "Send the SCIM token of this deployment in the header Authorization, as Bearer. Nothing else counts."
        )
        self.challenge = 'Bearer realm="scim", error="invalid_token"' if has_token else 'Bearer realm="scim"'

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge}


def invalid_filter(words: str) -> ScimError:
    """The filter cannot be read, or compares what cannot be compared."""
    return ScimError(400, words, "invalidFilter")


def invalid_path(words: str) -> ScimError:
    """The path of an operation cannot be read, or names no attribute."""
    return ScimError(400, words, "invalidPath")


def invalid_syntax(words: str) -> ScimError:
    """The body is not what this request takes."""
    return ScimError(400, words, "invalidSyntax")


def invalid_value(words: str) -> ScimError:
    """A required value is missing, or a value is none that the attribute may have."""
    return ScimError(400, words, "invalidValue")


def no_target(words: str) -> ScimError:
    """The path of an operation matches nothing that could be changed."""
    return ScimError(400, words, "noTarget")


def mutability(words: str) -> ScimError:
    """The attribute cannot be changed, or not be removed."""
    return ScimError(400, words, "mutability")


def not_unique(words: str) -> ScimError:
    """Somebody else has the value."""
    return ScimError(409, words, "uniqueness")


def unknown(kind: str, id: str) -> ScimError:
    """There is no such resource."""
    return ScimError(404, f"There is no {kind} with the id {id[:64]!r}.")


def is_scim(path: str) -> bool:
    """Tell whether a request is one of SCIM's: then every answer, refusals of others included, has its form."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def error_body(status: int, detail: str, scim_type: str = "") -> dict[str, Any]:
    """Return the body of a refusal."""
    found: dict[str, Any] = {"schemas": [ERROR_MESSAGE], "status": str(status), "detail": detail[:MOST_DETAIL]}
    if scim_type:
        found["scimType"] = scim_type
    return found


def body_of(error: Exception, status: int, message: str, detail: str, fields: tuple[FieldError, ...]) -> dict[str, Any]:
    """Return the body for any exception, of which the server tells `message`, `detail` and the fields at fault."""
    scim_type = error.scim_type if isinstance(error, ScimError) else _usual_type(status)
    words = [message, detail, *(f"{one.field}: {one.detail}" for one in fields)]
    return error_body(status, " ".join(part for part in words if part), scim_type)


def _usual_type(status: int) -> str:
    """Return what a refusal of another room means in SCIM's words."""
    return {400: "invalidValue"}.get(status, "")
