"""What the provisioner's operator allows a template to have of the machine. Pure."""

from collections.abc import Iterator

from homeport_provisioner.container.images import check_name
from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.settings import Settings
from homeport_provisioner.template.shape import ContainerPlan

_HOW = "Ask whoever runs the provisioner to set {variable}, or drop it from the template."


def check_allowed(plan: ContainerPlan, settings: Settings) -> None:
    """Raise EngineFailure that names everything that a template wants and may not have here."""
    refused = list(_refusals(plan, settings))
    if refused:
        raise EngineFailure("\n".join(refused))
    if plan.image and "${" not in plan.image:
        check_name(plan.image)


def _refusals(plan: ContainerPlan, settings: Settings) -> Iterator[str]:
    if plan.privileged and "privileged" not in settings.container_allow:
        how = _HOW.format(variable="HOMEPORT_PROVISIONER_CONTAINER_ALLOW=privileged")
        yield f"container.privileged gives all rights on the machine, and this provisioner does not allow it. {how}"
    if plan.network == "host" and "host-network" not in settings.container_allow:
        how = _HOW.format(variable="HOMEPORT_PROVISIONER_CONTAINER_ALLOW=host-network")
        yield f"container.network is `host`, the network of the machine itself, and this provisioner does not allow it. {how}"
    for device in plan.devices:
        path = device.partition(":")[0]
        if path not in settings.container_devices:
            how = _HOW.format(variable=f"HOMEPORT_PROVISIONER_CONTAINER_DEVICES={path}")
            yield f"container.devices names {path}, and this provisioner does not allow that device. {how}"
