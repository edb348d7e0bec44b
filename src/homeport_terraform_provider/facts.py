"""What the environment says of the workspace, its owner and the build. Read once: it does not change while the program runs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NIL = "00000000-0000-0000-0000-000000000000"
_SCRIPT = "CODER_AGENT_SCRIPT_"
_ACCOUNT = "CODER_EXTERNAL_AUTH_ACCESS_TOKEN_"
_RUNNING = "CODER_RUNNING_WORKSPACE_AGENT_TOKEN"


@dataclass(kw_only=True)
class Facts:
    """All of it; what the environment does not say has the value of a plan for nobody."""

    url: str = ""
    transition: str = "start"
    workspace_id: str = NIL
    workspace_name: str = "default"
    build_id: str = ""
    owner_id: str = NIL
    owner: str = "default"
    owner_email: str = "default@example.com"
    owner_name: str = "default"
    owner_groups: list[str] = field(default_factory=list)
    owner_roles: list[dict[str, str]] = field(default_factory=list)
    owner_login_type: str = ""
    ssh_public_key: str = ""
    ssh_private_key: str = ""
    session_token: str = ""
    oidc_access_token: str = ""
    template_id: str = ""
    template_name: str = ""
    template_version: str = ""
    is_prebuild: bool = False
    is_prebuild_claim: bool = False
    task_id: str = ""
    task_prompt: str = ""
    init_scripts: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)
    running_tokens: frozenset[str] = frozenset()
    parameters: Mapping[str, str] = field(default_factory=dict)
    """By variable of the environment: names cannot be told from it."""

    @property
    def is_for_nobody(self) -> bool:
        """Whether there is no workspace: an import, a dry run, somebody's own `terraform plan`."""
        return self.workspace_id in {"", NIL}

    def parameter(self, name: str) -> str | None:
        """Return the value that was given to a parameter."""
        return self.parameters.get(f"CODER_PARAMETER_{hashlib.sha256(name.encode()).hexdigest()}")


def read_facts(environment: Mapping[str, str]) -> Facts:
    """Read the environment. Raises ValueError when what should be JSON is none."""

    def of(name: str, default: str = "") -> str:
        return environment.get(f"CODER_WORKSPACE_{name}") or default

    return Facts(
        url=environment.get("CODER_AGENT_URL", "").rstrip("/"),
        transition="stop" if of("TRANSITION") == "stop" else "start",
        workspace_id=of("ID", NIL),
        workspace_name=of("NAME", "default"),
        build_id=of("BUILD_ID"),
        owner_id=of("OWNER_ID", NIL),
        owner=of("OWNER", "default"),
        owner_email=of("OWNER_EMAIL", "default@example.com"),
        owner_name=environment.get("CODER_WORKSPACE_OWNER_NAME", "default"),
        owner_groups=[str(group) for group in _list(of("OWNER_GROUPS"), "OWNER_GROUPS")],
        owner_roles=[
            {"name": str(role.get("name", "")), "org_id": str(role.get("org_id", ""))}
            for role in _list(of("OWNER_RBAC_ROLES"), "OWNER_RBAC_ROLES")
            if isinstance(role, dict)
        ],
        owner_login_type=of("OWNER_LOGIN_TYPE"),
        ssh_public_key=of("OWNER_SSH_PUBLIC_KEY"),
        ssh_private_key=of("OWNER_SSH_PRIVATE_KEY"),
        session_token=of("OWNER_SESSION_TOKEN"),
        oidc_access_token=of("OWNER_OIDC_ACCESS_TOKEN"),
        template_id=of("TEMPLATE_ID"),
        template_name=of("TEMPLATE_NAME"),
        template_version=of("TEMPLATE_VERSION"),
        is_prebuild=of("IS_PREBUILD") == "true",
        is_prebuild_claim=of("IS_PREBUILD_CLAIM") == "true",
        task_id=environment.get("CODER_TASK_ID", ""),
        task_prompt=environment.get("CODER_TASK_PROMPT", ""),
        init_scripts=_beginning(environment, _SCRIPT),
        accounts=_beginning(environment, _ACCOUNT),
        running_tokens=frozenset(value for value in _beginning(environment, _RUNNING).values() if value),
        parameters={name: value for name, value in environment.items() if name.startswith("CODER_PARAMETER_")},
    )


def _beginning(environment: Mapping[str, str], start: str) -> dict[str, str]:
    return {name.removeprefix(start): value for name, value in environment.items() if name.startswith(start)}


def _list(text: str, name: str) -> list[Any]:
    try:
        found = json.loads(text or "[]")
    except ValueError as error:
        raise ValueError(f"CODER_WORKSPACE_{name} is no JSON: {error}") from error
    return found if isinstance(found, list) else []
