"""What can go wrong between a client and the server, in words for people."""

import msgspec


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field."""

    field: str = ""
    detail: str = ""


class ApiError(Exception):
    """The server refused: its status, message, detail and field errors."""

    def __init__(
        self, status: int, message: str, *, detail: str = "", validations: tuple[FieldError, ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.detail = detail
        self.validations = validations

    def __str__(self) -> str:
        """Return the message, the detail and each field's error, one a line."""
        lines = [self.message]
        if self.detail:
            lines.append(self.detail)
        lines += [f"  {item.field}: {item.detail}" if item.field else f"  {item.detail}" for item in self.validations]
        return "\n".join(lines)


class ConnectionFailed(Exception):
    """The server cannot be reached; the text says where and why."""


class BadAnswer(Exception):
    """What answered is no Homeport server, or one of another version: the answer has an unexpected shape."""
