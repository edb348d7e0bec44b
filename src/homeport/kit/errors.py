"""Typed errors with an HTTP status.

A service raises one of these; the HTTP edge turns it into `{message, detail?, validations?}`.
"""

from collections.abc import Sequence

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field: its JSON name and a sentence."""

    field: str
    detail: str


class HomeportError(Exception):
    """An error that a person may read. `message` says what was wrong and what to do; `detail` helps to find why."""

    status: int = 500

    def __init__(self, message: str, *, detail: str = "", validations: Sequence[FieldError] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.validations = tuple(validations)

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that belong to this error."""
        return {}


class BadRequest(HomeportError):
    """400: the request cannot be understood or breaks a rule."""

    status = 400


class NotAuthenticated(HomeportError):
    """401: no valid credential."""

    status = 401


class Forbidden(HomeportError):
    """403: the object is readable for the asker, the action is not allowed."""

    status = 403


class NotFound(HomeportError):
    """404: unknown, or not readable for the asker: both look the same."""

    status = 404


class NotAcceptable(HomeportError):
    """406: the object is not in a state that allows this yet."""

    status = 406


class Conflict(HomeportError):
    """409: somebody or something is already there."""

    status = 409


class PreconditionFailed(HomeportError):
    """412: the object's state does not allow this any more."""

    status = 412


class TooLarge(HomeportError):
    """413: the body is larger than the limit."""

    status = 413


class TooManyRequests(HomeportError):
    """429: try again after `retry_after` seconds."""

    status = 429

    def __init__(self, message: str, *, retry_after: int, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


class Unavailable(HomeportError):
    """503: a part that this needs is not reachable at the moment."""

    status = 503


def invalid_field(field: str, detail: str, *, message: str = "The request is not valid.") -> BadRequest:
    """Build a 400 that names one field."""
    return BadRequest(message, validations=(FieldError(field, detail),))
