"""What may go wrong with workspaces, each with its HTTP status and words."""

from collections.abc import Sequence

from homeport.kit.errors import (
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    HomeportError,
    NotAcceptable,
    NotFound,
    PreconditionFailed,
)
from homeport.provisioning.rules import isolation_missing


class WorkspaceNotFound(NotFound):
    """404: unknown, deleted, or not readable."""

    def __init__(self) -> None:
        super().__init__("Workspace not found or you do not have access to it.")


class BuildNotFound(NotFound):
    """404: unknown build, or of a workspace that is not readable."""

    def __init__(self) -> None:
        super().__init__("Workspace build not found or you do not have access to it.")


class OwnerNotMember(NotFound):
    """404: the owner-to-be does not belong to the template's organization."""

    def __init__(self) -> None:
        super().__init__("User not found in the template's organization, or you do not have access to it.")


class NameTaken(Conflict):
    """409: the owner has a live workspace of this name."""

    def __init__(self, name: str) -> None:
        field = FieldError("name", "This value is already in use and should be unique.")
        super().__init__(f"A workspace named '{name}' exists already.", validations=(field,))


class TemplateDeprecated(BadRequest):
    """400: the template makes no new workspaces."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The template '{name}' is deprecated and cannot make new workspaces.", detail=reason)


class InvalidParameters(BadRequest):
    """400: values that the template does not accept, each named."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("Some parameter values are not accepted by the template.", validations=errors)


class VersionOfOtherTemplate(BadRequest):
    """400: the version is unknown or belongs to another template."""

    def __init__(self) -> None:
        field = FieldError("template_version_id", "This is no version of the workspace's template.")
        super().__init__("The template version does not belong to the workspace's template.", validations=(field,))


class VersionNotReady(NotAcceptable):
    """406: the version's import has not ended."""

    def __init__(self, status: str) -> None:
        super().__init__(
            f"The template version is still being imported (its job is {status}). Try again when it is done."
        )


class VersionUnusable(BadRequest):
    """400: the version's import has failed or was canceled."""

    def __init__(self, status: str, error: str) -> None:
        super().__init__(f"The template version cannot be built: its import has {status}.", detail=error)


class VersionArchived(BadRequest):
    """400: the version was put aside, so no workspace comes to it any more."""

    def __init__(self) -> None:
        super().__init__(
            "The template version is archived.",
            detail="Choose another one, or let somebody who may change the template take it back.",
            validations=(FieldError("template_version_id", "It is archived."),),
        )


class ActiveVersionRequired(Forbidden):
    """403: the template lets only its active version start."""

    def __init__(self) -> None:
        super().__init__(
            "The template requires its active version.", detail="Leave the version out, or ask for the active one."
        )


class IsolationMissing(Forbidden):
    """403: the processes would not be isolated, and not only site owners would have to do with them."""

    def __init__(self) -> None:
        super().__init__(isolation_missing(""))


class BuildActive(Conflict):
    """409: a build has not ended yet."""

    def __init__(self) -> None:
        super().__init__("A workspace build is already active.", detail="Wait for it, or cancel it first.")


class WorkspaceDeleted(Conflict):
    """409: the workspace is gone."""

    def __init__(self) -> None:
        super().__init__("The workspace is deleted: it can be neither started nor stopped nor changed.")


class BuildFinished(BadRequest):
    """400: there is nothing left to cancel."""

    def __init__(self, status: str) -> None:
        super().__init__(f"The build has already {status}; there is nothing to cancel.")


class UnexpectedStatus(PreconditionFailed):
    """412: the job is not in the state that the caller expected."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"The build's job is {found}, not {expected}.")


class CancelForbidden(Forbidden):
    """403: the template keeps its users from canceling running builds."""

    def __init__(self) -> None:
        super().__init__("The template does not allow its users to cancel builds that run.")


class WorkspaceNotRunning(Conflict):
    """409: this works on a running workspace only."""

    def __init__(self) -> None:
        super().__init__("The workspace is not running.")


class HasWorkspaces(Conflict):
    """409: something cannot go while workspaces depend on it."""

    def __init__(self, noun: str, count: int) -> None:
        plural = "workspace depends" if count == 1 else "workspaces depend"
        super().__init__(f"{count} {plural} on this {noun}: delete them first.")


class StateUnreadable(HomeportError):
    """500: the state was sealed with a key that this server does not have."""

    def __init__(self) -> None:
        super().__init__(
            "The build's state cannot be opened: the key that sealed it is not configured.",
            detail="Add the key to EXTERNAL_TOKEN_ENCRYPTION_KEYS, or delete the workspace as an orphan.",
        )


class InvalidResult(BadRequest):
    """400: an engine reported something that cannot be: the job fails with these words."""

    def __init__(self, message: str, *, detail: str = "") -> None:
        super().__init__(message, detail=detail, validations=(FieldError("resources", message),))


class TagsUnusable(BadRequest):
    """400: what the template asks of its daemons cannot be made of the build's values."""

    def __init__(self, reason: BadRequest) -> None:
        super().__init__(
            "The provisioner tags of this template cannot be evaluated with these values.",
            detail=str(reason),
            validations=(
                FieldError("rich_parameter_values", reason.validations[0].detail if reason.validations else ""),
            ),
        )
