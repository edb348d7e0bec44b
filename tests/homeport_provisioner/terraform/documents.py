"""Documents in the shape of `terraform show -json`, and graphs in that of `terraform graph`."""

from typing import Any

from homeport_provisioner.terraform.reading import Reading, read_state
from homeport_provisioner.terraform.reading.graph import label_of

TOKEN = "t" * 36
AGENT = {"id": "agent-1", "os": "linux", "arch": "amd64", "auth": "token", "token": TOKEN}
Entry = dict[str, Any]


def entry(address: str, **values: Any) -> Entry:
    """Return a resource as `show -json` writes it; `data.` before its type makes it a data source."""
    parts = label_of(address).split(".")
    is_data = parts[-3:-2] == ["data"]
    return {
        "address": address,
        "mode": "data" if is_data else "managed",
        "type": parts[-2],
        "name": parts[-1],
        "values": values,
    }


def module(entries: list[Entry]) -> dict[str, Any]:
    """Put entries into the modules that their addresses name."""
    root: dict[str, Any] = {"resources": [], "child_modules": []}
    children: dict[str, dict[str, Any]] = {}
    for each in entries:
        if each["address"].startswith("module."):
            path = ".".join(each["address"].split(".")[:2])
            children.setdefault(path, {"address": path, "resources": []})["resources"].append(each)
        else:
            root["resources"].append(each)
    root["child_modules"] = list(children.values())
    return root


def dot(*edges: str) -> str:
    pairs = [edge.split(" > ") for edge in edges]
    lines = [f'  "{source}" -> "{target}";' for source, target in pairs]
    return "\n".join(["digraph G {", '  node [shape = rect, fontname = "sans-serif"];', *lines, "}"])


def state(*entries: Entry, edges: tuple[str, ...] = ()) -> Reading:
    return read_state({"values": {"root_module": module(list(entries))}}, dot(*edges))
