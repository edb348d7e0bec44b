"""coder_agent."""

from uuid import uuid4

from homeport_terraform_provider.checks import matching, not_empty, one_of, whole
from homeport_terraform_provider.facts import NIL
from homeport_terraform_provider.kinds import Planning, Resource, make_id
from homeport_terraform_provider.schema import BOOL, NUMBER, TEXTS, Block, computed, ignored, nested, optional, required
from homeport_terraform_provider.values import UNKNOWN, Problems, Unknown, Values, blocks_of, known_text

_AUTHS = ("token", "google-instance-identity", "aws-instance-identity", "azure-instance-identity")
_PERCENT = whole(0, 100)


def _check(values: Values, problems: Problems) -> None:
    keys: set[str] = set()
    for place, block in blocks_of(values, "metadata"):
        key = known_text(block, "key")
        if key and key in keys:
            problems.error(("metadata", place, "key"), "Two metadata blocks with one key", f"The key '{key}' is taken.")
        keys.add(key)
    for outer, monitoring in blocks_of(values, "resources_monitoring"):
        paths: set[str] = set()
        for place, block in blocks_of(monitoring, "volume"):
            path = known_text(block, "path")
            if path and path in paths:
                where = ("resources_monitoring", outer, "volume", place, "path")
                problems.error(where, "Two volumes with one path", f"The path '{path}' is monitored already.")
            paths.add(path)


def _plan(values: Values, planning: Planning) -> None:
    values["token"] = _token(values, planning)
    values["init_script"] = _init_script(values, planning)


def _token(values: Values, planning: Planning) -> object:
    """Return the token that is kept, or unknown for one that the apply makes."""
    if isinstance(values["auth"], Unknown):
        return UNKNOWN
    if values["auth"] != "token":
        return ""
    before = (planning.prior or {}).get("token")
    return before if before and not _is_renewed(before, planning) else UNKNOWN


def _is_renewed(token: str, planning: Planning) -> bool:
    facts = planning.facts
    if facts.transition != "start" or facts.is_prebuild_claim or token in facts.running_tokens:
        return False
    return facts.build_id not in {"", NIL, planning.made_by}


def _init_script(values: Values, planning: Planning) -> object:
    system, architecture = values["os"], values["arch"]
    if isinstance(system, Unknown) or isinstance(architecture, Unknown):
        return UNKNOWN
    facts = planning.facts
    before = (planning.prior or {}).get("init_script")
    if facts.transition == "stop" and before is not None:
        return before
    script = facts.init_scripts.get(f"{system}_{architecture}")
    if script is None and facts.init_scripts:
        offered = ", ".join(sorted(name.replace("_", "/") for name in facts.init_scripts))
        planning.problems.warn(
            ("arch",),
            f"No agent for {system}/{architecture}",
            f"The server has agents for {offered}. The init_script of this one is empty: nothing would start it.",
        )
    return script or ""


def _make(values: Values) -> None:
    make_id(values)
    if isinstance(values["token"], Unknown):
        values["token"] = str(uuid4())


AGENT = Resource(
    block=Block(
        attributes={
            "os": required("string", one_of("linux", "darwin", "windows")),
            "arch": required("string", one_of("amd64", "armv7", "arm64")),
            "auth": optional("string", one_of(*_AUTHS), default="token"),
            "api_key_scope": optional("string", one_of("all", "no_user_data"), default="all"),
            "connection_timeout": optional(NUMBER, whole(0), default=120),
            "dir": optional(),
            "env": optional(TEXTS),
            "motd_file": optional(),
            "order": optional(NUMBER, whole()),
            "startup_script": optional(),
            "startup_script_behavior": optional("string", one_of("blocking", "non-blocking"), default="non-blocking"),
            "shutdown_script": optional(),
            "troubleshooting_url": optional("string", matching(r"\S*", "it is no address: it has blanks.")),
            "startup_script_timeout": ignored(NUMBER),
            "shutdown_script_timeout": ignored(NUMBER),
            "login_before_ready": ignored(BOOL),
            "delay_login_until_ready": ignored(BOOL),
            "id": computed(),
            "init_script": computed(),
            "token": computed(is_sensitive=True),
        },
        blocks={
            "display_apps": nested(
                {
                    "vscode": optional(BOOL, default=True),
                    "vscode_insiders": optional(BOOL, default=False),
                    "web_terminal": optional(BOOL, default=True),
                    "ssh_helper": optional(BOOL, default=True),
                    "port_forwarding_helper": optional(BOOL, default=True),
                },
                most=1,
            ),
            "metadata": nested(
                {
                    "key": required("string", not_empty),
                    "display_name": optional(),
                    "script": required(),
                    "interval": required(NUMBER, whole(0)),
                    "timeout": optional(NUMBER, whole(0)),
                    "order": optional(NUMBER, whole()),
                }
            ),
            "resources_monitoring": nested(
                {},
                {
                    "memory": nested({"enabled": required(BOOL), "threshold": required(NUMBER, _PERCENT)}, most=1),
                    "volume": nested(
                        {
                            "path": required("string", matching(r"/.*", "it is no absolute path.")),
                            "enabled": required(BOOL),
                            "threshold": required(NUMBER, _PERCENT),
                        }
                    ),
                },
                most=1,
            ),
        },
    ),
    check=_check,
    plan=_plan,
    make=_make,
)
