"""What is wrong in a template's files, told when a version is made of them."""

from homeport.kit.errors import BadRequest, FieldError


class TemplateMistake(BadRequest):
    """400: a file of the template cannot be read; says which, and in which line."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        place = f"{file}:{line}"
        super().__init__(f"{place}: {reason}.", validations=(FieldError("file_id", f"{place[:200]}: {reason[:500]}."),))
