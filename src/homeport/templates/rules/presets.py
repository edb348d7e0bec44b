"""What presets may be, and which of them a build has."""

from collections.abc import Mapping, Sequence

from homeport.kit.errors import FieldError
from homeport.provisioning.types import ProvisionedPreset
from homeport.templates.types import VersionPreset


def check_presets(presets: Sequence[ProvisionedPreset]) -> list[FieldError]:
    """Return what contradicts itself in a template's presets. Names of parameters that there are not are no mistake."""
    errors: list[FieldError] = []
    seen: set[str] = set()
    default: str | None = None
    for index, preset in enumerate(presets):
        place = f"template_import.presets[{index}]"
        names = [value.name for value in preset.parameters]
        if not preset.name:
            errors.append(FieldError(f"{place}.name", f"preset {index + 1} has no name."))
        if preset.name in seen:
            errors.append(FieldError(f"{place}.name", f"two presets have the name '{preset.name}'."))
        if len(set(names)) != len(names):
            errors.append(FieldError(f"{place}.parameters", f"preset '{preset.name}' sets a parameter twice."))
        if preset.default and default is not None:
            text = f"only one preset can be the default: '{default}' is, and '{preset.name}' would be."
            errors.append(FieldError(f"{place}.default", text))
        elif preset.default:
            default = preset.name
        seen.add(preset.name)
    return errors


def find_match(presets: Sequence[VersionPreset], values: Mapping[str, str]) -> VersionPreset | None:
    """Return the preset whose values are all among a build's; of several the one that sets most, then the first."""
    matching = [each for each in presets if each.values and each.values.items() <= values.items()]
    return max(matching, key=lambda each: len(each.values), default=None)
