"""The environment in which Terraform runs: made from nothing, so that nothing of the daemon's is in it by accident. Pure.

What Coder's provider reads (src/homeport_terraform_provider/README.md lists it) comes from the job; credentials of clouds come from the
daemon's environment, where whoever runs it has put them for this purpose.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from homeport_sdk.provisioner_protocol import BuildInput, NamedValue

USUAL = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_*",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "ALICLOUD_*",
    "ARM_*",
    "AWS_*",
    "AZURE_*",
    "CLOUDSDK_*",
    "DIGITALOCEAN_*",
    "DOCKER_*",
    "GOOGLE_*",
    "HCLOUD_*",
    "KUBE*",
    "LINODE_*",
    "OCI_*",
    "OS_*",
    "PROXMOX_VE_*",
    "SCW_*",
    "TF_TOKEN_*",
    "VAULT_*",
    "VSPHERE_*",
)
"""What is handed on where it is set: how to reach the world, and credentials by the names that providers document."""
_NEVER = ("HOMEPORT_*", "CODER_*", "LD_*", "TF_LOG*", "TF_CLI*", "TF_DATA_DIR", "TF_INPUT", "TF_VAR_*", "TF_WORKSPACE")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EXTERNAL_AUTH_PREFIX = "CODER_EXTERNAL_AUTH_ACCESS_TOKEN_"
_NIL = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the template may know of the workspace that it is for. The values here are those of a plan for nobody."""

    transition: str = "start"
    workspace_id: str = _NIL
    workspace_name: str = "default"
    build_id: str = _NIL
    owner_id: str = _NIL
    owner: str = "default"
    owner_email: str = "default@example.com"
    owner_name: str = "default"
    owner_groups: Sequence[str] = ()
    owner_roles: Sequence[Mapping[str, str]] = ()
    owner_login_type: str = ""
    ssh_public_key: str = ""
    ssh_private_key: str = ""
    session_token: str = ""
    oidc_access_token: str = ""
    template_id: str = _NIL
    template_name: str = ""
    template_version: str = ""
    is_prebuild: bool = False
    is_prebuild_claim: bool = False
    parameters: Mapping[str, str] = field(default_factory=dict)
    external_auth: Mapping[str, str] = field(default_factory=dict)
    agent_tokens: Mapping[str, str] = field(default_factory=dict)

    def secrets(self) -> list[str]:
        """Return what must not be shown in any log."""
        named = [self.ssh_private_key, self.session_token, self.oidc_access_token]
        return [value for value in (*named, *self.external_auth.values(), *self.agent_tokens.values()) if value]


def facts_of(build: BuildInput) -> Facts:
    """Return what a template may know of a build."""
    owner = build.owner
    return Facts(
        transition="start" if build.transition == "start" else "stop",
        workspace_id=str(build.workspace_id),
        workspace_name=build.workspace_name,
        build_id=str(build.workspace_build_id),
        owner_id=str(owner.id),
        owner=owner.username,
        owner_email=owner.email,
        owner_name=owner.name,
        owner_groups=tuple(owner.groups),
        owner_roles=tuple({"name": role.name, "org_id": role.organization_id} for role in owner.roles),
        owner_login_type=owner.login_type,
        ssh_public_key=owner.ssh_public_key,
        ssh_private_key=owner.ssh_private_key,
        session_token=owner.session_token,
        oidc_access_token=owner.oidc_access_token,
        template_id=str(build.template.id),
        template_name=build.template.name,
        template_version=build.template.version_name,
        is_prebuild=build.prebuild_stage == "create",
        is_prebuild_claim=build.prebuild_stage == "claim",
        parameters=named(build.rich_parameter_values),
        external_auth=named(build.external_auth_tokens),
        agent_tokens=build.agent_tokens,
    )


def named(values: Iterable[NamedValue]) -> dict[str, str]:
    """Return values by name."""
    return {value.name: value.value for value in values}


def inherited(environment: Mapping[str, str], more: Sequence[str] = ()) -> dict[str, str]:
    """Return what Terraform gets of the daemon's own environment; `more` are names, or beginnings with a star."""
    wanted = (*USUAL, *more)
    return {"PATH": _PATH} | {
        name: value
        for name, value in environment.items()
        if any(fnmatchcase(name, pattern) for pattern in wanted)
        and not any(fnmatchcase(name, pattern) for pattern in _NEVER)
    }


def terraform_settings(*, config: Path, data_dir: Path, is_debugging: bool = False) -> dict[str, str]:
    """Return how Terraform itself is to behave: asks nothing, calls no home, keeps its files out of the template."""
    settings = {
        "CHECKPOINT_DISABLE": "1",
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_DATA_DIR": str(data_dir),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }
    return settings | ({"TF_LOG": "DEBUG"} if is_debugging else {})


def provider_variables(facts: Facts, *, url: str, init_scripts: Mapping[str, str]) -> dict[str, str]:
    """Return what Coder's provider reads. `init_scripts` by `os_arch`."""

    def truth(value: bool) -> str:
        return "true" if value else "false"

    variables = {
        "CODER_AGENT_URL": url,
        "CODER_WORKSPACE_TRANSITION": facts.transition,
        "CODER_WORKSPACE_ID": facts.workspace_id,
        "CODER_WORKSPACE_NAME": facts.workspace_name,
        "CODER_WORKSPACE_BUILD_ID": facts.build_id,
        "CODER_WORKSPACE_OWNER": facts.owner,
        "CODER_WORKSPACE_OWNER_ID": facts.owner_id,
        "CODER_WORKSPACE_OWNER_EMAIL": facts.owner_email,
        "CODER_WORKSPACE_OWNER_NAME": facts.owner_name,
        "CODER_WORKSPACE_OWNER_GROUPS": json.dumps(list(facts.owner_groups)),
        "CODER_WORKSPACE_OWNER_RBAC_ROLES": json.dumps(list(facts.owner_roles)),
        "CODER_WORKSPACE_OWNER_LOGIN_TYPE": facts.owner_login_type,
        "CODER_WORKSPACE_OWNER_SSH_PUBLIC_KEY": facts.ssh_public_key,
        "CODER_WORKSPACE_OWNER_SSH_PRIVATE_KEY": facts.ssh_private_key,
        "CODER_WORKSPACE_OWNER_SESSION_TOKEN": facts.session_token,
        "CODER_WORKSPACE_OWNER_OIDC_ACCESS_TOKEN": facts.oidc_access_token,
        "CODER_WORKSPACE_TEMPLATE_ID": facts.template_id,
        "CODER_WORKSPACE_TEMPLATE_NAME": facts.template_name,
        "CODER_WORKSPACE_TEMPLATE_VERSION": facts.template_version,
        "CODER_WORKSPACE_IS_PREBUILD": truth(facts.is_prebuild),
        "CODER_WORKSPACE_IS_PREBUILD_CLAIM": truth(facts.is_prebuild_claim),
    }
    for name, value in facts.parameters.items():
        variables[f"CODER_PARAMETER_{hashlib.sha256(name.encode()).hexdigest()}"] = value
    for name, token in facts.external_auth.items():
        variables[f"{EXTERNAL_AUTH_PREFIX}{name}"] = token
    for name, token in facts.agent_tokens.items():
        variables[f"CODER_RUNNING_WORKSPACE_AGENT_TOKEN_{name}"] = token
    for platform, script in init_scripts.items():
        variables[f"CODER_AGENT_SCRIPT_{platform}"] = script
    # No value of a system's environment can hold it, and no program would start.
    return {name: value.replace("\0", "") for name, value in variables.items()}
