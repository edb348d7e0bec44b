"""What there is around a template: the workspace, its owner, the machine, accounts elsewhere, the task."""

import platform
import sys
from urllib.parse import urlsplit

from homeport_terraform_provider.checks import not_empty
from homeport_terraform_provider.facts import Facts
from homeport_terraform_provider.kinds import DataSource, steady_id
from homeport_terraform_provider.schema import BOOL, NUMBER, STRINGS, Block, Type, computed, optional, required
from homeport_terraform_provider.values import Problems, Values

_ROLES: Type = ["list", ["object", {"name": "string", "org_id": "string"}]]
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armv7"}


def _read_workspace(values: Values, facts: Facts, problems: Problems) -> None:
    parts = urlsplit(facts.url)
    values |= {
        "id": facts.workspace_id,
        "name": facts.workspace_name,
        "transition": facts.transition,
        "start_count": 1 if facts.transition == "start" else 0,
        "access_url": facts.url,
        "access_port": parts.port or (443 if parts.scheme == "https" else 80),
        "template_id": facts.template_id,
        "template_name": facts.template_name,
        "template_version": facts.template_version,
        "is_prebuild": facts.is_prebuild,
        "is_prebuild_claim": facts.is_prebuild_claim,
        "prebuild_count": 1 if facts.is_prebuild else 0,
        "owner": facts.owner,
        "owner_id": facts.owner_id,
        "owner_email": facts.owner_email,
        "owner_name": facts.owner_name,
        "owner_groups": facts.owner_groups,
        "owner_oidc_access_token": facts.oidc_access_token,
        "owner_session_token": facts.session_token,
    }


def _read_owner(values: Values, facts: Facts, problems: Problems) -> None:
    values |= {
        "id": facts.owner_id,
        "name": facts.owner,
        "full_name": facts.owner_name,
        "email": facts.owner_email,
        "groups": facts.owner_groups,
        "rbac_roles": facts.owner_roles,
        "login_type": facts.owner_login_type,
        "ssh_public_key": facts.ssh_public_key,
        "ssh_private_key": facts.ssh_private_key,
        "session_token": facts.session_token,
        "oidc_access_token": facts.oidc_access_token,
    }


def _read_provisioner(values: Values, facts: Facts, problems: Problems) -> None:
    machine = platform.machine().lower()
    architecture = _ARCHITECTURES.get(machine, machine)
    values |= {"id": steady_id("coder_provisioner"), "os": sys.platform, "arch": architecture}


def _read_account(values: Values, facts: Facts, problems: Problems) -> None:
    values["access_token"] = facts.accounts.get(values["id"], "")


def _read_task(values: Values, facts: Facts, problems: Problems) -> None:
    values |= {"id": facts.task_id, "prompt": facts.task_prompt, "enabled": bool(facts.task_id)}


WORKSPACE = DataSource(
    block=Block(
        attributes={
            "id": computed(),
            "name": computed(),
            "transition": computed(),
            "start_count": computed(NUMBER),
            "access_url": computed(),
            "access_port": computed(NUMBER),
            "template_id": computed(),
            "template_name": computed(),
            "template_version": computed(),
            "is_prebuild": computed(BOOL),
            "is_prebuild_claim": computed(BOOL),
            "prebuild_count": computed(NUMBER),
            # Of the first version of Coder's provider.
            "owner": computed(is_deprecated=True),
            "owner_id": computed(is_deprecated=True),
            "owner_email": computed(is_deprecated=True),
            "owner_name": computed(is_deprecated=True),
            "owner_groups": computed(STRINGS, is_deprecated=True),
            "owner_oidc_access_token": computed(is_deprecated=True),
            "owner_session_token": computed(is_deprecated=True),
        }
    ),
    read=_read_workspace,
)

OWNER = DataSource(
    block=Block(
        attributes={
            "id": computed(),
            "name": computed(),
            "full_name": computed(),
            "email": computed(),
            "groups": computed(STRINGS),
            "rbac_roles": computed(_ROLES),
            "login_type": computed(),
            "ssh_public_key": computed(),
            "ssh_private_key": computed(is_sensitive=True),
            "session_token": computed(),
            "oidc_access_token": computed(),
        }
    ),
    read=_read_owner,
)

PROVISIONER = DataSource(
    block=Block(attributes={"id": computed(), "os": computed(), "arch": computed()}), read=_read_provisioner
)

EXTERNAL_AUTH = DataSource(
    block=Block(
        attributes={
            "id": required("string", not_empty),
            "optional": optional(BOOL, default=False),
            "access_token": computed(),
        }
    ),
    read=_read_account,
)

TASK = DataSource(
    block=Block(attributes={"id": computed(), "prompt": computed(), "enabled": computed(BOOL)}), read=_read_task
)
