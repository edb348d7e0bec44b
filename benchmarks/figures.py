"""What a benchmark reports: one figure, its unit, and what it should reach where that was agreed."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """One measured value. `goal` with `at_most` or `at_least` says which values are good; None: for information."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    direction: Literal["at_most", "at_least"] = "at_most"

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.direction == "at_most" else self.value >= self.goal
