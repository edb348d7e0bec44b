"""What can go wrong with jobs, daemons and keys, in words for people."""

from uuid import UUID

from homeport.kit.errors import (
    BadRequest,
    Conflict,
    FieldError,
    Forbidden,
    NotAuthenticated,
    NotFound,
    PreconditionFailed,
)


class JobNotFound(NotFound):
    """404: there is no such job, or the asker may not read it."""

    def __init__(self) -> None:
        super().__init__("Job not found, or you do not have access to it.")


class KeyNotFound(NotFound):
    """404: there is no such provisioner key, or the asker may not read it."""

    def __init__(self) -> None:
        super().__init__("Provisioner key not found, or you do not have access to it.")


class JobTokenInvalid(Forbidden):
    """403: the caller does not hold the job's token; the work is somebody else's."""

    def __init__(self) -> None:
        super().__init__("The job token does not belong to this job. Abandon the work: another daemon may have it.")


class JobEnded(Conflict):
    """409: the token was right, but the job has ended meanwhile (reaped, canceled or finished)."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__("The job has already ended. Abandon the work.", detail=str(job_id))


class JobAlreadyFinished(PreconditionFailed):
    """412: a finished job cannot be canceled. Callers that answer otherwise catch it."""

    def __init__(self) -> None:
        super().__init__("The job has already finished, so it cannot be canceled.")


class JobAlreadyCanceled(PreconditionFailed):
    """412: a job is canceled once. Callers that answer otherwise catch it."""

    def __init__(self) -> None:
        super().__init__("The job is already being canceled.")


class ResultMismatch(BadRequest):
    """400: the result is missing, or belongs to another type of job."""

    def __init__(self, field: str) -> None:
        super().__init__(
            "The result does not fit the job.",
            validations=(FieldError(field, "This type of job is completed with exactly this result."),),
        )


class KeyNameTaken(Conflict):
    """409: the organization has a provisioner key of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"There is already a provisioner key named '{name}'.",
            validations=(FieldError("name", "This name is taken."),),
        )


class KeyReserved(BadRequest):
    """400: the name stands for daemons without a key of people."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The name '{name}' is reserved.",
            validations=(FieldError("name", "Names of the server's own pseudo keys cannot be used."),),
        )


class TooManyDaemons(Conflict):
    """409: as many daemons as one credential may have are connected."""

    def __init__(self, most: int, credential: str) -> None:
        super().__init__(
            f"At most {most} daemons with {credential} work for one organization, and so many are connected. "
            "Stop some, or run them with a key of their own."
        )


class DaemonKeyInvalid(NotAuthenticated):
    """401: the key is unknown, expired or belongs to another organization: all look the same."""

    def __init__(self) -> None:
        super().__init__("The provisioner key is not valid.")


class DaemonPskInvalid(NotAuthenticated):
    """401: the pre-shared key is wrong."""

    def __init__(self) -> None:
        super().__init__("The provisioner daemon's pre-shared key is not valid.")


class DaemonCredentialMissing(NotAuthenticated):
    """401: neither a key nor a pre-shared key nor a session."""

    def __init__(self) -> None:
        super().__init__("A provisioner key is required.")
