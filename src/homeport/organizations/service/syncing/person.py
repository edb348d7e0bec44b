"""A person in the middle of a sign-in: who they are here, and what the provider says of them."""

from collections.abc import Collection, Container
from typing import Any
from uuid import UUID

import msgspec

from homeport.organizations.rules.claims import UnusableClaim, claim_values
from homeport.telemetry.logs import get_logger

_log = get_logger(__name__)
_SHOWN = 20


class Person(msgspec.Struct, frozen=True):
    """A user and the claims about them."""

    user_id: UUID
    claims: dict[str, Any]

    def values_of(self, field: str, *, known: Container[str]) -> tuple[str, ...] | None:
        """Return the values of a claim; None where nothing follows from it: there is no field, or the claim is unusable.

        A claim that is missing has no values: providers leave out what is empty.
        """
        if not field:
            return None
        try:
            return claim_values(self.claims, field, known=known)
        except UnusableClaim as error:
            self.note_unusable(field, error)
            return None

    def note_unusable(self, field: str, error: Exception) -> None:
        """Log that a claim says nothing that can be used, so what hangs on it stays."""
        _log.warning(
            "a claim cannot be used; what it stands for stays as it is",
            user_id=str(self.user_id),
            claim=field,
            reason=str(error),
        )

    def note_unknown(self, what: str, names: Collection[object]) -> None:
        """Log what the provider says, or a mapping, and nothing here is called."""
        if names:
            shown = sorted(map(str, names))[:_SHOWN]
            _log.info(
                "the provider speaks of what is not here; passed over",
                user_id=str(self.user_id),
                what=what,
                names=shown,
                count=len(names),
            )
