"""What a template wishes for: presets, tags of provisioners, the order of scripts."""

from homeport_terraform_provider.checks import not_empty, one_of, prebuild_cron, whole
from homeport_terraform_provider.facts import Facts
from homeport_terraform_provider.kinds import DataSource, steady_id
from homeport_terraform_provider.schema import BOOL, NUMBER, STRINGS, TEXTS, Block, computed, nested, optional, required
from homeport_terraform_provider.values import Problems, Values


def _timezone(value: object) -> str | None:
    from zoneinfo import ZoneInfo  # lazy: few templates have schedules, and each start of the program counts

    try:
        ZoneInfo(str(value))
    except (ValueError, OSError, KeyError):
        return f"'{str(value)[:100]}' is no time zone such as UTC or Europe/Berlin."
    return None


def _read_preset(values: Values, facts: Facts, problems: Problems) -> None:
    values["id"] = steady_id("coder_workspace_preset", values["name"])


def _read_tags(values: Values, facts: Facts, problems: Problems) -> None:
    values["id"] = steady_id("coder_workspace_tags", repr(sorted((values["tags"] or {}).items())))


def _read_order(values: Values, facts: Facts, problems: Problems) -> None:
    values["id"] = steady_id("coder_script_order", repr(values["rule"]))


PRESET = DataSource(
    block=Block(
        attributes={
            "name": required("string", not_empty),
            "description": optional(),
            "icon": optional(),
            "default": optional(BOOL, default=False),
            "parameters": optional(TEXTS),
            "id": computed(),
        },
        blocks={
            "prebuilds": nested(
                {"instances": required(NUMBER, whole(0))},
                {
                    "expiration_policy": nested({"ttl": required(NUMBER, whole(0))}, most=1),
                    "scheduling": nested(
                        {"timezone": required("string", _timezone)},
                        {
                            "schedule": nested(
                                {
                                    "cron": required("string", prebuild_cron),
                                    "instances": required(NUMBER, whole(0)),
                                },
                                least=1,
                            )
                        },
                        most=1,
                    ),
                },
                most=1,
            )
        },
    ),
    read=_read_preset,
)

TAGS = DataSource(block=Block(attributes={"tags": optional(TEXTS), "id": computed()}), read=_read_tags)

SCRIPT_ORDER = DataSource(
    block=Block(
        attributes={"id": computed()},
        blocks={
            "rule": nested(
                {
                    "run": required(STRINGS, not_empty),
                    "after": required(STRINGS, not_empty),
                    "phase": optional("string", one_of("start", "stop")),
                    "requires": optional("string", one_of("success", "completion"), default="success"),
                },
                least=1,
            )
        },
    ),
    read=_read_order,
)
