"""Which values a build gets (spec: workspaces 1.3): the request's, else the last build's, else the template's defaults."""

from collections.abc import Iterable, Mapping
from typing import Protocol


class Parameter(Protocol):
    """What matters of a template's parameter here."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def default_value(self) -> str:
        """What it is when nobody says anything."""
        ...

    @property
    def ephemeral(self) -> bool:
        """Whether its value is forgotten after one build."""
        ...


def resolve_values(
    parameters: Iterable[Parameter], requested: Mapping[str, str], previous: Mapping[str, str]
) -> dict[str, str]:
    """Return a value for each parameter of the version; what the version does not know is dropped."""
    values: dict[str, str] = {}
    for parameter in parameters:
        if parameter.name in requested:
            values[parameter.name] = requested[parameter.name]
        elif parameter.name in previous and not parameter.ephemeral:
            values[parameter.name] = previous[parameter.name]
        else:
            values[parameter.name] = parameter.default_value
    return values
