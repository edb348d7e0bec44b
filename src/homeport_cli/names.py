"""How workspaces are named on the command line: `[owner/]workspace[.agent]`."""

import msgspec

from homeport_cli.errors import CliError

ME = "me"


class WorkspaceName(msgspec.Struct, frozen=True):
    """A workspace as the user named it; `agent` is empty where none was named."""

    owner: str
    name: str
    agent: str = ""

    def __str__(self) -> str:
        """Return the shortest form that names the same workspace."""
        return self.name if self.owner == ME else f"{self.owner}/{self.name}"


def parse_workspace(text: str, *, has_agent: bool = False) -> WorkspaceName:
    """Read a name. An agent is allowed only with `has_agent`. Raises CliError."""
    owner, slash, rest = text.strip().removeprefix("@").partition("/")
    if not slash:
        owner, rest = ME, owner
    name, _, agent = rest.partition(".")
    is_wrong = not owner or not name or "/" in rest or (agent and not has_agent) or rest.endswith(".")
    if is_wrong or any(not (letter.isalnum() or letter in "-_.") for letter in owner + rest):
        shape = "[owner/]workspace[.agent]" if has_agent else "[owner/]workspace"
        raise CliError(f"'{text}' does not name a workspace. Names have the form {shape}.")
    return WorkspaceName(owner, name, agent)


def parse_host(host: str, *, prefix: str, suffix: str) -> WorkspaceName:
    """Read an OpenSSH host name: `<prefix>workspace[.agent]` or `workspace[.agent].<suffix>`.

    `owner--workspace` stands for the workspace of somebody else, as names hold no `--`. Raises CliError.
    """
    name = host
    if suffix and host.endswith("." + suffix.removeprefix(".")):
        name = host.removesuffix("." + suffix.removeprefix("."))
    elif prefix and host.startswith(prefix):
        name = host.removeprefix(prefix)
    parts = name.split("--")
    if len(parts) == 2:
        name = "/".join(parts)
    elif len(parts) == 3:
        name = f"{parts[0]}/{parts[1]}.{parts[2]}"
    return parse_workspace(name, has_agent=True)
