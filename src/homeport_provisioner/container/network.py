"""On which network a container is, and at which address it reaches the server."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from homeport_provisioner.container.client import CallFailed, Client, Identity
from homeport_provisioner.container.host import Host, is_loopback
from homeport_provisioner.container.names import WORKSPACE_LABEL, is_ours, labels_of, network_name
from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.settings import Settings

GATEWAY = "host-gateway"
"""What Docker calls the machine in `extra_hosts`; the engine here puts the address in, because older Podmans do not."""
MACHINE_NAMES = ("host.docker.internal", "host.containers.internal")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The network (`host`, `own`, or a name of the engine's) and the server's address as seen from there; `note` is for the log."""

    mode: str
    url: str
    note: str = ""

    @property
    def is_host(self) -> bool:
        """Whether the container shares the machine's network."""
        return self.mode == "host"


def choose_network(wanted: str, settings: Settings, host: Host, *, url: str) -> Choice:
    """Choose by what the template wants, else the operator, else what reaches the server. Raises EngineFailure when nothing would."""
    url = settings.container_url or url
    asked = wanted or settings.container_network
    if asked == "auto":
        if not is_loopback(url):
            return Choice(mode="own", url=url)
        if not host.is_local:
            raise EngineFailure(_unreachable(url, f"the container engine runs on another machine ({host.url})"))
        note = (
            f"The server's address is {url}, which only this machine reaches: the container shares the machine's network. "
            "For a network of its own, let the server listen for others and set ACCESS_URL."
        )
        return Choice(mode="host", url=url, note=note)
    if asked == "host":
        if is_loopback(url) and not host.is_local:
            raise EngineFailure(_unreachable(url, f"the container engine runs on another machine ({host.url})"))
        return Choice(mode="host", url=url)
    if is_loopback(url):
        raise EngineFailure(_unreachable(url, f"the network is '{asked}'"))
    return Choice(mode=asked, url=url)


async def provide_network(
    client: Client, choice: Choice, *, workspace_id: UUID, labels: Mapping[str, str], identity: Identity
) -> tuple[str, str]:
    """Return the name of the chosen network, made if need be, and the machine's address on it (empty: nobody knows)."""
    if choice.is_host:
        return "host", "127.0.0.1"
    name = network_name(workspace_id) if choice.mode == "own" else choice.mode
    found = await client.network(name)
    if choice.mode == "own":
        if found is None:
            # Docker keeps networks apart by itself, Podman when asked.
            options = {"isolate": "true"} if identity.is_podman else {}
            try:
                await client.create_network(name, labels, options)
            except CallFailed as error:
                raise EngineFailure(
                    f"The container engine has no network for the workspace: {error}. When its addresses are used up, widen "
                    "`default-address-pools` of Docker, or set HOMEPORT_PROVISIONER_CONTAINER_NETWORK to a network that workspaces share."
                ) from error
            found = await client.network(name)
        elif not is_ours(found, workspace_id):
            raise EngineFailure(
                f"The container engine has a network {name} that is not Homeport's. Remove it there, and try again."
            )
    elif found is None or found.get("Name") != name:
        # An engine also finds networks by the beginning of their number; who names one that way goes around what is refused by name.
        raise EngineFailure(
            f"The container engine has no network '{name}'. Make it there (`docker network create {name}`), "
            "or correct the template's container.network."
        )
    elif WORKSPACE_LABEL in labels_of(found):
        raise EngineFailure(
            f"container.network: '{name}' is the network of a workspace, to which nothing else is let in. Name another, or leave it out."
        )
    return name, gateway_of(found or {})


def extra_hosts(wanted: Mapping[str, str], gateway: str) -> list[str]:
    """Return NAME:ADDRESS for each name, and the machine's own name beside them. Raises EngineFailure."""
    hosts = {}
    if gateway:
        hosts[MACHINE_NAMES[0]] = gateway
    for name, address in wanted.items():
        if address == GATEWAY:
            if not gateway:
                raise EngineFailure(
                    f"container.extra_hosts: the address of the machine, for '{name}', is not known on this network."
                )
            address = gateway
        try:
            hosts[name] = str(ipaddress.ip_address(address))
        except ValueError as error:
            raise EngineFailure(
                f"container.extra_hosts: '{address[:100]}', for '{name}', is no IP address and not {GATEWAY}."
            ) from error
    return [f"{name}:{address}" for name, address in hosts.items()]


def gateway_of(network: Mapping[str, Any]) -> str:
    """Return the machine's address on a network, as the engine describes it."""
    for entry in (network.get("IPAM") or {}).get("Config") or []:
        gateway = str(entry.get("Gateway") or "").partition("/")[0]
        if gateway and ":" not in gateway:
            return gateway
    return ""


def _unreachable(url: str, why: str) -> str:
    return (
        f"A container cannot reach the server at {url}: that address leads it to itself, because {why}. Do one of these: "
        "set ACCESS_URL of the server to an address that containers reach, and let it listen there (`--http-address 0.0.0.0:3000`); or set "
        "HOMEPORT_PROVISIONER_CONTAINER_URL of the provisioner to such an address, as http://host.docker.internal:3000; or, where the "
        "engine is on the server's machine, leave container.network out or say `host`."
    )
