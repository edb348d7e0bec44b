"""A stand-in for the Terraform provider of Kubernetes: what templates of workspaces use of it, and no cluster.

It is served by the code of the bundled provider, and run as that is: `python -I -S kubernetes_provider.py ENVIRONMENT IDENTITY`.
"""

import os
import sys

if __name__ == "__main__":
    sys.path += [sys.argv[1], os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")]

from homeport_terraform_provider.kinds import Planning, Provider, Resource
from homeport_terraform_provider.schema import (
    BOOL,
    NUMBER,
    STRINGS,
    TEXTS,
    Block,
    Nested,
    computed,
    nested,
    optional,
    required,
)
from homeport_terraform_provider.values import UNKNOWN, Unknown, Values

SET = ["set", "string"]


def _metadata(*, most: int = 1) -> Nested:
    return nested(
        {
            "name": optional(is_computed=True),
            "namespace": optional(default="default"),
            "labels": optional(TEXTS),
            "annotations": optional(TEXTS),
            "uid": computed(),
            "generation": computed(NUMBER),
            "resource_version": computed(),
        },
        least=1,
        most=most,
    )


_AMOUNTS = nested({"requests": optional(TEXTS), "limits": optional(TEXTS)}, most=1)
_CONTAINER = nested(
    {
        "name": required(),
        "image": optional(),
        "image_pull_policy": optional(is_computed=True),
        "command": optional(STRINGS),
        "args": optional(STRINGS),
        "working_dir": optional(),
    },
    {
        "env": nested(
            {"name": required(), "value": optional()},
            {
                "value_from": nested(
                    {},
                    {
                        "secret_key_ref": nested(
                            {"name": optional(), "key": optional(), "optional": optional(BOOL)}, most=1
                        )
                    },
                    most=1,
                )
            },
        ),
        "resources": _AMOUNTS,
        "security_context": nested(
            {
                "run_as_user": optional(),
                "run_as_non_root": optional(BOOL),
                "privileged": optional(BOOL, default=False),
                "allow_privilege_escalation": optional(BOOL, default=True),
            },
            most=1,
        ),
        "volume_mount": nested(
            {
                "name": required(),
                "mount_path": required(),
                "sub_path": optional(),
                "read_only": optional(BOOL, default=False),
            }
        ),
    },
)
_POD = nested(
    {
        "service_account_name": optional(is_computed=True),
        "automount_service_account_token": optional(BOOL, default=True),
        "node_selector": optional(TEXTS),
        "restart_policy": optional(default="Always"),
        "hostname": optional(is_computed=True),
        "termination_grace_period_seconds": optional(NUMBER, default=30),
    },
    {
        "container": _CONTAINER,
        "init_container": _CONTAINER,
        "security_context": nested(
            {
                "run_as_user": optional(),
                "run_as_group": optional(),
                "fs_group": optional(),
                "run_as_non_root": optional(BOOL),
            },
            most=1,
        ),
        "toleration": nested(
            {"key": optional(), "operator": optional(), "value": optional(), "effect": optional()},
        ),
        "image_pull_secrets": nested({"name": required()}),
        "volume": nested(
            {"name": optional()},
            {
                "persistent_volume_claim": nested(
                    {"claim_name": optional(), "read_only": optional(BOOL, default=False)}, most=1
                ),
                "empty_dir": nested({"medium": optional(), "size_limit": optional()}, most=1),
            },
        ),
        "affinity": nested(
            {},
            {
                "pod_anti_affinity": nested(
                    {},
                    {
                        "preferred_during_scheduling_ignored_during_execution": nested(
                            {"weight": required(NUMBER)},
                            {
                                "pod_affinity_term": nested(
                                    {"topology_key": optional()},
                                    {
                                        "label_selector": nested(
                                            {"match_labels": optional(TEXTS)},
                                            {
                                                "match_expressions": nested(
                                                    {
                                                        "key": optional(),
                                                        "operator": optional(),
                                                        "values": optional(SET),
                                                    }
                                                )
                                            },
                                        )
                                    },
                                    least=1,
                                    most=1,
                                )
                            },
                        )
                    },
                    most=1,
                )
            },
            most=1,
        ),
    },
    least=1,
    most=1,
)
_DEPLOYMENT = nested(
    {"replicas": optional(default="1"), "min_ready_seconds": optional(NUMBER, default=0)},
    {
        "selector": nested({"match_labels": optional(TEXTS)}, most=1),
        "strategy": nested({"type": optional(default="RollingUpdate")}, most=1),
        "template": nested({}, {"metadata": _metadata(), "spec": _POD}, least=1, most=1),
    },
    least=1,
    most=1,
)
_CLAIM = nested(
    {
        "access_modes": required(SET),
        "storage_class_name": optional(is_computed=True),
        "volume_mode": optional(default="Filesystem"),
        "volume_name": optional(is_computed=True),
    },
    {"resources": _AMOUNTS},
    least=1,
    most=1,
)


def _plan(values: Values, planning: Planning) -> None:
    """The id is the namespace and the name: known as soon as these are."""
    metadata = values["metadata"][0]
    before = (planning.prior or {}).get("metadata") or [{}]
    for name in ("uid", "generation", "resource_version"):
        metadata[name] = before[0].get(name) or UNKNOWN
    known = not isinstance(metadata["name"], Unknown) and not isinstance(metadata["namespace"], Unknown)
    values["id"] = f"{metadata['namespace']}/{metadata['name']}" if known else UNKNOWN


def _make(values: Values) -> None:
    """Everything that a cluster would say gets an answer."""
    for name in list(values):
        values[name] = _known(name, values[name])
    metadata = values["metadata"][0]
    values["id"] = f"{metadata['namespace']}/{metadata['name']}"


def _known(name: str, value: object) -> object:
    if isinstance(value, Unknown):
        return 1 if name == "generation" else os.urandom(4).hex()
    if isinstance(value, dict):
        return {key: _known(key, each) for key, each in value.items()}
    return [_known(name, each) for each in value] if isinstance(value, list) else value


def _kind(spec: Nested | None, **attributes: object) -> Resource:
    blocks = {"metadata": _metadata(), **({"spec": spec} if spec else {})}
    return Resource(block=Block(attributes={"id": computed(), **attributes}, blocks=blocks), plan=_plan, make=_make)  # type: ignore[dict-item]


_KINDS = {
    "deployment": _kind(_DEPLOYMENT, wait_for_rollout=optional(BOOL, default=True)),
    "pod": _kind(_POD),
    "persistent_volume_claim": _kind(_CLAIM, wait_until_bound=optional(BOOL, default=True)),
    "namespace": _kind(None),
    "secret": _kind(None, data=optional(TEXTS), type=optional(default="Opaque")),
    "config_map": _kind(None, data=optional(TEXTS)),
    "service_account": _kind(None),
}
KUBERNETES = Provider(
    block=Block(
        attributes={
            "config_path": optional(),
            "config_context": optional(),
            "host": optional(),
            "token": optional(),
            "cluster_ca_certificate": optional(),
            "client_certificate": optional(),
            "client_key": optional(),
            "insecure": optional(BOOL),
        }
    ),
    resources={f"kubernetes_{name}{version}": kind for name, kind in _KINDS.items() for version in ("", "_v1")},
    data_sources={},
)

if __name__ == "__main__":
    from homeport_terraform_provider.serving import serve  # lazy: only in the environment of the provider

    os._exit(serve(KUBERNETES, sys.argv[2]))
