"""The reference page of all settings, written from their one definition: `python -m homeport.config.reference`."""

from datetime import timedelta
from typing import Any

from homeport.config.load import Definition, definitions
from homeport.config.values import format_duration


def show_default(value: Any) -> str:
    """Write a default as an operator would type it; empty for none."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def settings_page() -> str:
    """Return docs/reference/settings.md as Markdown."""
    lines = [
        "# Settings",
        "",
        "Generated from `homeport.config`. A flag wins over `HOMEPORT_<NAME>`, that over `CODER_<NAME>`, that over the",
        "TOML file named by `--config` or `HOMEPORT_CONFIG` (keys are the names in lower case), that over the default.",
        "An unknown name stops the start with a message; so do settings that contradict each other.",
    ]
    group = ""
    for item in definitions():
        if item.about.group != group:
            group = item.about.group
            lines += ["", f"## {group}", "", "| name | flag | value | default | meaning |", "|---|---|---|---|---|"]
        lines.append(_row(item))
    return "\n".join(lines) + "\n"


def _row(item: Definition) -> str:
    default = show_default(item.default)
    shown = f"`{default}`" if default else ""
    secret = " Secret: prefer the environment over flags." if item.about.is_secret else ""
    kind = ", ".join(item.about.choices) or item.about.kind
    return f"| `{item.environment}` | `{item.flag}` | {kind} | {shown} | {item.about.help}{secret} |"


if __name__ == "__main__":
    print(settings_page(), end="")
