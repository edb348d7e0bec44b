"""The resources that people see, with agents and metadata in their places. Pure."""

from collections.abc import Iterable

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform.reading.agents import FoundAgent
from homeport_provisioner.terraform.reading.graph import Graph
from homeport_provisioner.terraform.reading.items import Item, flag_of, text_of
from homeport_sdk.provisioner_protocol import Resource, ResourceMetadata

_OWN = "coder_"
_INSTANCE_TYPES = ("instance_type", "machine_type", "vm_size", "size", "server_type")
_INSTANCE_TYPED = (
    "aws_",
    "azurerm_",
    "google_",
    "digitalocean_droplet",
    "hcloud_server",
    "linode_instance",
    "oci_core_instance",
)
_MOST_COST, _MOST_WORD, _MOST_TEXT = 2**31 - 1, 256, 65_536
_INSTANCE_IDS = {
    "aws_instance": "id",
    "aws_spot_instance_request": "spot_instance_id",
    "google_compute_instance": "instance_id",
    "azurerm_linux_virtual_machine": "virtual_machine_id",
    "azurerm_windows_virtual_machine": "virtual_machine_id",
    "azurerm_virtual_machine": "id",
}


def place(
    items: Iterable[Item], agents: list[FoundAgent], graph: Graph, warnings: list[str], *, is_start: bool
) -> list[Resource]:
    """Return all managed resources but Coder's own, each agent in the nearest that depends on it.

    Raises EngineFailure at a start; else the first description of a resource counts, and of each fact the first.
    """
    shown = [item for item in items if not item.is_data and not item.type.startswith(_OWN)]
    resources = {item.address: _resource(item) for item in shown}
    by_label: dict[str, list[Item]] = {}
    for item in shown:
        by_label.setdefault(item.label, []).append(item)
    for found in agents:
        label = next((label for label in graph.above(found.item.label) if label in by_label), None)
        if label is None:
            warnings.append(
                f"{found.item.address} is left out: no resource depends on it, so nothing would ever start it. "
                "Use its init_script or token in a resource."
            )
            continue
        home = by_label[label][0]
        if found.auth != "token" and not found.agent.instance_id:
            found.agent.instance_id = home.text(_INSTANCE_IDS.get(home.type, "")) or None
        resources[home.address].agents.append(found.agent)
    for resource in resources.values():
        resource.agents.sort(key=lambda agent: (agent.order, agent.name))
    _describe(items, by_label, resources, graph, warnings, is_start=is_start)
    return list(resources.values())


def _resource(item: Item) -> Resource:
    has_type = item.type.startswith(_INSTANCE_TYPED)
    return Resource(
        type=item.type,
        name=item.name,
        module_path=item.module_path,
        instance_type=next((item.text(name) for name in _INSTANCE_TYPES if has_type and item.text(name)), ""),
    )


def _describe(
    items: Iterable[Item],
    by_label: dict[str, list[Item]],
    resources: dict[str, Resource],
    graph: Graph,
    warnings: list[str],
    *,
    is_start: bool,
) -> None:
    described: dict[str, str] = {}
    for item in items:
        if item.is_data or item.type != "coder_metadata":
            continue
        targets = _targets(item, by_label, graph)
        if not targets:
            warnings.append(f"{item.address} describes no resource: it is left out. Set its resource_id.")
        for target in targets:
            if target.address in described:
                if not is_start:
                    continue
                raise EngineFailure(
                    f"{item.address}: {target.address} is described by {described[target.address]} already. Put all items into one."
                )
            described[target.address] = item.address
            _fill(resources[target.address], item, is_start=is_start)


def _targets(item: Item, by_label: dict[str, list[Item]], graph: Graph) -> list[Item]:
    """Find the resource that the metadata is about: by its id, else the nearest that the metadata depends on."""
    wanted = item.text("resource_id")
    near = next((by_label[label] for label in graph.below(item.label) if label in by_label), [])
    if wanted:
        exact = [each for each in near if each.text("id") == wanted]
        everywhere = [each for group in by_label.values() for each in group if each.text("id") == wanted]
        if exact or (not near and everywhere):
            return (exact or everywhere)[:1]
    return near


def _fill(resource: Resource, item: Item, *, is_start: bool) -> None:
    resource.hide = item.flag("hide")
    resource.icon = _bounded(item, "icon", item.text("icon"), _MOST_WORD, is_start=is_start)
    cost = item.number("daily_cost")
    if cost > _MOST_COST and is_start:
        raise EngineFailure(f"{item.address}: daily_cost is {cost}; at most {_MOST_COST} can be counted.")
    resource.daily_cost = max(0, min(cost, _MOST_COST))
    keys: set[str] = set()
    for block in item.blocks("item"):
        key = _bounded(item, "a key", text_of(block, "key"), _MOST_WORD, is_start=is_start)
        if key in keys and not is_start:
            continue
        # One that is not known yet has no text.
        if key and key in keys:
            raise EngineFailure(f"{item.address}: two items have the key '{key}': give one of them another.")
        keys.add(key)
        is_null = flag_of(block, "is_null") or block.get("value") is None
        resource.metadata.append(
            ResourceMetadata(
                key=key,
                value=None if is_null else _bounded(item, key, text_of(block, "value"), _MOST_TEXT, is_start=is_start),
                sensitive=flag_of(block, "sensitive"),
            )
        )


def _bounded(item: Item, name: str, text: str, most: int, *, is_start: bool) -> str:
    """Return a text that is short enough for the server. Raises EngineFailure at a start, before anything is made; else cuts it."""
    if len(text) > most and is_start:
        raise EngineFailure(f"{item.address}: {name} has {len(text)} characters; there can be {most}.")
    return text[:most]
