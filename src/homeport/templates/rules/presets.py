"""What presets may be, and which of them a build has."""

from collections.abc import Mapping, Sequence

from homeport.kit.errors import FieldError
from homeport.provisioning.types import ProvisionedPreset
from homeport.templates.types import VersionPreset


def check_presets(presets: Sequence[ProvisionedPreset]) -> list[FieldError]:
    """Return what contradicts itself in a template's presets. Names of parameters that there are not are no mistake."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    for preset in presets:
        names = [value.name for value in preset.parameters]
        if not preset.name:
            errors.append(FieldError("presets", "a preset has no name."))
        if preset.name in seen:
            errors.append(FieldError(preset.name, "two presets have this name."))
        if len(set(names)) != len(names):
            errors.append(FieldError(preset.name, "it sets a parameter twice."))
        seen.add(preset.name)
    defaults = [preset.name for preset in presets if preset.default]
    if len(defaults) > 1:
        errors.append(FieldError(defaults[1], f"only one preset can be the default, and '{defaults[0]}' is."))
    return errors


def find_match(presets: Sequence[VersionPreset], values: Mapping[str, str]) -> VersionPreset | None:
    """Return the preset whose values are all among a build's; of several the one that sets most, then the first."""
    matching = [each for each in presets if each.values and each.values.items() <= values.items()]
    return max(matching, key=lambda each: len(each.values), default=None)
