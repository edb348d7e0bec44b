"""What can go wrong with templates, in words for people."""

from collections.abc import Sequence

from homeport.kit.errors import BadRequest, Conflict, FieldError, NotFound, PreconditionFailed


class TemplateNotFound(NotFound):
    """404: there is no such template, or the asker may not read it."""

    def __init__(self) -> None:
        super().__init__("Template not found or you do not have access to it.")


class VersionNotFound(NotFound):
    """404: there is no such template version, or the asker may not read it."""

    def __init__(self) -> None:
        super().__init__("Template version not found or you do not have access to it.")


class NoPreviousVersion(NotFound):
    """404: the version is the template's first."""

    def __init__(self) -> None:
        super().__init__("There is no earlier version of this template.")


class NameTaken(Conflict):
    """409: the name is in use beside it."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(
            f"There is already a {noun} named '{name}'.", validations=(FieldError("name", "This name is taken."),)
        )


class TemplateInUse(BadRequest):
    """400: something still depends on the template."""

    def __init__(self, reason: str) -> None:
        super().__init__("The template cannot be deleted.", detail=reason)


class VersionUnfinished(PreconditionFailed):
    """412: the import of the version has not (or not successfully) ended."""

    def __init__(self, what: str) -> None:
        super().__init__(f"The import of this template version has not succeeded, so it cannot be {what}.")


class JobUnfinished(PreconditionFailed):
    """412: the import or dry run is still running, so its results are not known."""

    def __init__(self, what: str = "import") -> None:
        super().__init__(f"The {what} of this template version has not ended yet.")


class VersionUnusable(BadRequest):
    """400: the version is archived or belongs to another template."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__("This template version cannot be used here.", validations=(FieldError(field, detail),))


class InvalidParameterDeclaration(BadRequest):
    """400: an engine has reported parameters that contradict themselves."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        first = errors[0]
        super().__init__(
            f"The template's parameter '{first.field}' cannot be used: {first.detail}", validations=tuple(errors)
        )


class InvalidPreset(BadRequest):
    """400: an engine has reported presets that contradict themselves."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(f"The template's presets cannot be used: {errors[0].detail}", validations=tuple(errors))
