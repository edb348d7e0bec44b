"""Forms with a file in them: read within limits, and held against the page's token as all others."""

from typing import NamedTuple

from litestar.datastructures import UploadFile
from litestar.exceptions import ClientException, HTTPException

from homeport.files.errors import UploadTooLarge
from homeport.files.types import MAX_UPLOAD
from homeport.kit.errors import BadRequest, invalid_field
from homeport.web.forms import Form, held_form
from homeport.web.rendering import PageRequest

MOST_BODY = MAX_UPLOAD + 64 * 1024
"""A file, and beside it what the other fields take."""
_TOO_LARGE = 413


class Upload(NamedTuple):
    """The fields of a form, and the file in its field `file`, if somebody has chosen one."""

    form: Form
    name: str = ""
    data: bytes | None = None

    def require_data(self) -> bytes:
        """Return the file. Raises a 400 at its field where there is none."""
        if self.data is None:
            raise invalid_field("file", "Choose a file.")
        return self.data


async def read_upload(request: PageRequest) -> Upload:
    """Return what was sent. Raises 400 for what is no such form or lacks the page's token, 413 for too much."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise BadRequest("A form of this page was expected.")
    try:
        sent = await request.form()
    except HTTPException as error:
        if error.status_code == _TOO_LARGE:
            raise UploadTooLarge from error
        if not isinstance(error, ClientException):
            raise
        raise BadRequest("The upload is damaged or was cut off. Try again.") from error
    except (UnicodeDecodeError, LookupError) as error:
        raise BadRequest("The upload is damaged or was cut off. Try again.") from error
    items = list(sent.multi_items())
    files = [(name, value) for name, value in items if isinstance(value, UploadFile)]
    try:
        form = held_form(request, [(name, value) for name, value in items if isinstance(value, str)])
        for name, file in files:
            if name == "file":
                return Upload(form, _shown(file.filename), await file.read())
    finally:
        for _, file in files:
            await file.close()
    return Upload(form)


def _shown(name: str) -> str:
    """Return a file's name without its folders and what cannot be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable())[:200]
