"""What can be wrong with reading the logs."""

from homeport.kit.errors import BadRequest, FieldError


class SearchTooBroad(BadRequest):
    """400: the search had to look through more than the time for it allows."""

    def __init__(self) -> None:
        super().__init__(
            "The search takes too long.",
            validations=(FieldError("q", "Narrow it by a time, such as date_from:2026-01-31, or by another key."),),
        )


class TooFarBack(BadRequest):
    """400: more entries are to be skipped than are counted."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "The page lies too far back.",
            validations=(
                FieldError("offset", f"Skip at most {most:,}; go on by after_id, narrow the time, or export the log."),
            ),
        )
