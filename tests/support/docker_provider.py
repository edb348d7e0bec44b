"""A stand-in for the Terraform provider of Docker: what templates of workspaces use of it, and no Docker.

It is served by the code of the bundled provider, and run as that is: `python -I -S docker_provider.py ENVIRONMENT IDENTITY`.
"""

import os
import sys

if __name__ == "__main__":
    sys.path += [sys.argv[1], os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")]

from homeport_terraform_provider.kinds import Planning, Provider, Resource
from homeport_terraform_provider.schema import NUMBER, STRINGS, Block, computed, nested, optional, required
from homeport_terraform_provider.values import UNKNOWN, Unknown, Values

_LABELS = nested({"label": required(), "value": required()})


def _plan(values: Values, planning: Planning) -> None:
    values["id"] = (planning.prior or {}).get("id") or UNKNOWN


def _make(values: Values) -> None:
    """What a Docker would say gets an answer."""
    for name, value in values.items():
        if isinstance(value, Unknown):
            values[name] = os.urandom(8).hex()


_VOLUME = Resource(
    block=Block(
        attributes={"id": computed(), "name": optional(is_computed=True), "driver": optional(default="local")},
        blocks={"labels": _LABELS},
    ),
    plan=_plan,
    make=_make,
)
_CONTAINER = Resource(
    block=Block(
        attributes={
            "id": computed(),
            "name": required(),
            "image": required(),
            "hostname": optional(is_computed=True),
            "memory": optional(NUMBER),
            "cpus": optional(),
            "cpu_shares": optional(NUMBER),
            "user": optional(),
            "entrypoint": optional(STRINGS),
            "command": optional(STRINGS),
            "env": optional(["set", "string"]),
        },
        blocks={
            "labels": _LABELS,
            "host": nested({"host": required(), "ip": required()}),
            "volumes": nested({"volume_name": optional(), "container_path": optional(), "host_path": optional()}),
        },
    ),
    plan=_plan,
    make=_make,
)
DOCKER = Provider(
    block=Block(attributes={"host": optional()}),
    resources={"docker_volume": _VOLUME, "docker_container": _CONTAINER},
    data_sources={},
)

if __name__ == "__main__":
    from homeport_terraform_provider.serving import serve  # lazy: only in the environment of the provider

    os._exit(serve(DOCKER, sys.argv[2]))
