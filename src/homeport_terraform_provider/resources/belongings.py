"""What belongs to an agent: apps, scripts, variables, dev containers, ids of instances, agents outside."""

from homeport_terraform_provider.checks import cron, matching, not_empty, one_of, whole
from homeport_terraform_provider.kinds import Resource
from homeport_terraform_provider.schema import BOOL, NUMBER, Attribute, Block, computed, nested, optional, required
from homeport_terraform_provider.values import Problems, Unknown, Values

_SLUG = "it must have lower-case letters, digits and single hyphens between them."
_NAME = "it is no name of a variable: it must not be empty, and has no equals sign."


def _with_agent(**attributes: Attribute) -> dict[str, Attribute]:
    return {"agent_id": required("string", not_empty), **attributes, "id": computed()}


def _check_app(values: Values, problems: Problems) -> None:
    has_command = values.get("command") is not None
    if has_command and values.get("url") is not None:
        problems.error(("command",), "An app has both a command and a url", "Set one of them.")
    if has_command and values.get("subdomain") is True:
        problems.error(("subdomain",), "A command has no subdomain", "Leave subdomain out, or set url, not command.")
    if values.get("external") is True and values.get("healthcheck"):
        problems.error(("healthcheck",), "An external app is not checked", "Leave the healthcheck out.")


def _check_script(values: Values, problems: Problems) -> None:
    moments = [values.get(name) for name in ("run_on_start", "run_on_stop", "cron")]
    if not any(moment is True or (moment and isinstance(moment, str | Unknown)) for moment in moments):
        problems.error((), "A script that never runs", "Set run_on_start, run_on_stop or cron.")
    if values.get("start_blocks_login") is True and values.get("run_on_start") in {None, False}:
        summary = "A script that does not run at the start cannot delay sign-ins"
        problems.error(("start_blocks_login",), summary, "Set run_on_start.")


APP = Resource(
    block=Block(
        attributes=_with_agent(
            slug=required("string", matching(r"[a-z0-9](-?[a-z0-9])*", _SLUG)),
            display_name=optional(),
            url=optional(),
            command=optional(),
            external=optional(BOOL, default=False),
            subdomain=optional(BOOL),
            share=optional("string", one_of("owner", "authenticated", "organization", "public"), default="owner"),
            open_in=optional("string", one_of("slim-window", "tab", "window"), default="slim-window"),
            group=optional(),
            order=optional(NUMBER, whole()),
            hidden=optional(BOOL, default=False),
            icon=optional(),
            tooltip=optional(),
        ),
        blocks={
            "healthcheck": nested(
                {
                    "url": required("string", not_empty),
                    "interval": required(NUMBER, whole(0)),
                    "threshold": required(NUMBER, whole(0)),
                },
                most=1,
            )
        },
    ),
    check=_check_app,
)

SCRIPT = Resource(
    block=Block(
        attributes=_with_agent(
            display_name=required(),
            script=required(),
            icon=optional(),
            cron=optional("string", cron),
            log_path=optional(),
            run_on_start=optional(BOOL, default=False),
            run_on_stop=optional(BOOL, default=False),
            start_blocks_login=optional(BOOL, default=False),
            timeout=optional(NUMBER, whole(0), default=0),
        )
    ),
    check=_check_script,
)

ENV = Resource(
    block=Block(
        attributes=_with_agent(
            name=required("string", matching(r"[^=\0]+", _NAME)),
            value=optional(),
            merge_strategy=optional("string", one_of("replace", "append", "prepend", "error"), default="replace"),
        )
    )
)

DEVCONTAINER = Resource(
    block=Block(attributes=_with_agent(workspace_folder=required("string", not_empty), config_path=optional()))
)

AGENT_INSTANCE = Resource(block=Block(attributes=_with_agent(instance_id=required("string", not_empty))))

EXTERNAL_AGENT = Resource(block=Block(attributes=_with_agent()))
