"""The values with fixed names that expressions may use: of a real build, or stand-ins where nothing is built. Pure."""

from uuid import UUID

from homeport_sdk.provisioner_protocol import BuildInput

_NIL = UUID(int=0)


def placeholder_values(url: str, *, workspace: str, owner: str) -> dict[str, str]:
    """Return values for an import or a dry run, which have no workspace yet."""
    return {
        "workspace.id": str(_NIL),
        "workspace.name": workspace,
        "workspace.owner": owner,
        "workspace.owner_id": str(_NIL),
        "workspace.owner_email": f"{owner}@example.com",
        "workspace.owner_name": owner,
        "workspace.home": f"/home/{owner}",
        "template.name": "template",
        "template.version": "version",
        "organization.id": str(_NIL),
        "organization.name": "organization",
        "server.url": url,
    }


def build_values(url: str, build: BuildInput, *, home: str) -> dict[str, str]:
    """Return the values of a build; `home` is the path of the home as the workspace sees it."""
    return {
        "workspace.id": str(build.workspace_id),
        "workspace.name": build.workspace_name,
        "workspace.owner": build.owner.username,
        "workspace.owner_id": str(build.owner.id),
        "workspace.owner_email": build.owner.email,
        "workspace.owner_name": build.owner.name or build.owner.username,
        "workspace.home": home,
        "template.name": build.template.name,
        "template.version": build.template.version_name,
        "organization.id": str(build.organization.id),
        "organization.name": build.organization.name,
        "server.url": url,
    }
