"""coder_metadata and coder_ai_task."""

from homeport_terraform_provider.checks import not_empty, whole
from homeport_terraform_provider.kinds import Planning, Resource
from homeport_terraform_provider.schema import BOOL, NUMBER, Block, computed, nested, optional, required
from homeport_terraform_provider.values import UNKNOWN, Problems, Unknown, Values, blocks_of, known_text


def _check_metadata(values: Values, problems: Problems) -> None:
    keys: set[str] = set()
    for place, item in blocks_of(values, "item"):
        key = known_text(item, "key")
        if key and key in keys:
            problems.error(("item", place, "key"), "Two items with one key", f"The key '{key}' is taken.")
        keys.add(key)


def _plan_metadata(values: Values, planning: Planning) -> None:
    for _, item in blocks_of(values, "item"):
        item["is_null"] = UNKNOWN if isinstance(item["value"], Unknown) else item["value"] is None


def _check_task(values: Values, problems: Problems) -> None:
    if values.get("app_id") is not None and values.get("sidebar_app"):
        problems.error(
            ("app_id",), "A task has both app_id and sidebar_app", "Set app_id; the other is its older form."
        )


def _plan_task(values: Values, planning: Planning) -> None:
    values["prompt"] = planning.facts.task_prompt
    values["enabled"] = bool(planning.facts.task_id)


METADATA = Resource(
    block=Block(
        attributes={
            "resource_id": required(),
            "daily_cost": optional(NUMBER, whole(0)),
            "hide": optional(BOOL),
            "icon": optional(),
            "id": computed(),
        },
        blocks={
            "item": nested(
                {
                    "key": required("string", not_empty),
                    "value": optional(),
                    "sensitive": optional(BOOL, default=False),
                    "is_null": computed(BOOL),
                }
            )
        },
    ),
    check=_check_metadata,
    plan=_plan_metadata,
)

AI_TASK = Resource(
    block=Block(
        attributes={"app_id": optional(), "id": computed(), "prompt": computed(), "enabled": computed(BOOL)},
        blocks={"sidebar_app": nested({"id": required("string", not_empty)}, most=1)},
    ),
    check=_check_task,
    plan=_plan_task,
)
