"""Which preset of a template a workspace is made with, and what it sets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from homeport_cli.context import is_interactive
from homeport_cli.errors import CliError
from homeport_cli.prompts import choose

if TYPE_CHECKING:
    from homeport_sdk.models import Preset

NONE = "none"


def choose_preset(presets: "Sequence[Preset]", name: str, *, is_asking: bool) -> "Preset | None":
    """Return the preset of this name; without one the one that a person chooses, else the default. Raises CliError.

    `none` is no preset, also where the template has a default one.
    """
    if name.lower() == NONE or not presets:
        if name and name.lower() != NONE:
            raise CliError(f"The template has no presets, so none is called '{name}'.")
        return None
    known = {preset.Name: preset for preset in presets}
    if not name and is_asking and is_interactive():
        offered = [(preset.Name, preset.Description) for preset in presets]
        name = choose("Preset", [*offered, (NONE, "Give the values yourself")], flag="--preset")
        return known.get(name)
    if not name:
        return next((preset for preset in presets if preset.Default), None)
    if name not in known:
        raise CliError(f"The template has no preset '{name}'. It has: {', '.join(known)}.")
    return known[name]


def preset_values(preset: "Preset | None", given: Mapping[str, str]) -> dict[str, str]:
    """Return what a preset sets. Raises CliError where something else was given: a preset goes before what is given."""
    if preset is None:
        return {}
    values = {each.Name: each.Value for each in preset.Parameters}
    for name, value in values.items():
        if given.get(name, value) != value:
            raise CliError(
                f"The preset '{preset.Name}' sets {name}={value}. Leave out its --parameter, or --preset none."
            )
    return values
