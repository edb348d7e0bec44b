"""What can go wrong with an archive, in words for people."""

from homeport.files.types import MAX_UPLOAD
from homeport.kit.errors import BadRequest, FieldError, Forbidden, NotFound, TooLarge, Unavailable


class ArchiveRefused(BadRequest):
    """400: the archive cannot be read, or one of its entries could do harm. `entry` is its name, if it is about one."""

    def __init__(self, reason: str, *, entry: str = "") -> None:
        shown = entry if len(entry) <= 200 else entry[:200] + "…"
        shown = shown.encode("utf-8", "backslashreplace").decode()
        message = (
            f"The archive's entry '{shown}' is refused: {reason}" if entry else f"The archive is refused: {reason}"
        )
        super().__init__(message, validations=(FieldError("file", reason),))


class ContentTypeRefused(BadRequest):
    """400: neither a tar nor a zip archive by its content type."""

    def __init__(self, content_type: str) -> None:
        given = f"'{content_type[:100]}'" if content_type else "nothing"
        super().__init__(
            f"Send application/x-tar or application/zip as Content-Type; the request says {given}.",
            validations=(FieldError("Content-Type", "Use application/x-tar or application/zip."),),
        )


class UploadTooLarge(TooLarge):
    """413: more than an archive may hold."""

    def __init__(self) -> None:
        words = f"An archive has at most {MAX_UPLOAD // (1024 * 1024)} MiB."
        super().__init__(words, validations=(FieldError("file", words),))


class UploadsBusy(Unavailable):
    """503: all uploads of this moment together would take too much memory."""

    def __init__(self) -> None:
        super().__init__("The server is taking other large archives just now. Try again in a minute.")


class FileNotFound(NotFound):
    """404: there is no such file, or the asker may not read it."""

    def __init__(self) -> None:
        super().__init__("File not found, or you do not have access to it.")


class FileForbidden(Forbidden):
    """403: the template that uses the file may be read, its source may not."""

    def __init__(self) -> None:
        super().__init__(
            "You may use the template of this file, but reading its source needs the permission to update the template."
        )


class FetchInterrupted(Unavailable):
    """503: a file was being read for several callers, and that was broken off."""

    def __init__(self) -> None:
        super().__init__("Reading the file was interrupted. Try again.")
