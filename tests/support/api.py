"""The HTTP API as a program calls it: what prepares workspaces for tests against a running server."""

import weakref
from collections.abc import Mapping
from typing import Any

import httpx

from tests.support.archives import pack
from tests.support.waiting import wait_for

PASSWORD = "a-Long-Passphrase-4711"
_GOING = {"pending", "running", "canceling"}


class Api:
    """A client of one server, as nobody until `sign_in`."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        weakref.finalize(self, self.client.close)

    def make_first_user(self, username: str, email: str, password: str = PASSWORD) -> None:
        """Make the deployment's owner and be them."""
        self.call("POST", "/users/first", json={"email": email, "username": username, "password": password})
        self.sign_in(email, password)

    def sign_in(self, email: str, password: str = PASSWORD) -> str:
        """Use a session of this account from now on; returns its token."""
        token: str = self.call("POST", "/users/login", json={"email": email, "password": password})["session_token"]
        self.client.cookies.clear()
        self.client.headers["Coder-Session-Token"] = token
        return token

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Call the API and return what it answers; fails on a refusal."""
        reply = self.client.request(method, f"/api/v2{path}", **more)
        assert reply.status_code < 400, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None

    def import_version(self, provisioner: str, files: Mapping[str, str | bytes], **more: Any) -> dict[str, Any]:
        """Upload files and return the version once its job has ended."""
        file = self.call("POST", "/files", content=pack(files), headers={"Content-Type": "application/x-tar"})
        wanted = {"provisioner": provisioner, "storage_method": "file", "file_id": file["hash"], **more}
        version = self.call("POST", "/organizations/default/templateversions", json=wanted)
        return self.ended(f"/templateversions/{version['id']}")

    def make_template(
        self, name: str, provisioner: str, files: Mapping[str, str | bytes], **more: Any
    ) -> dict[str, Any]:
        """Make a template of these files."""
        version = self.import_version(provisioner, files)
        assert version["job"]["status"] == "succeeded", version["job"]
        wanted = {"name": name, "template_version_id": version["id"], **more}
        template: dict[str, Any] = self.call("POST", "/organizations/default/templates", json=wanted)
        return template

    def make_workspace(self, template: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Ask for a workspace; its build may still go on."""
        wanted = {"name": name, "template_id": template["id"]}
        workspace: dict[str, Any] = self.call("POST", "/users/me/workspaces", json=wanted)
        return workspace

    def build(self, workspace: Mapping[str, Any], transition: str) -> dict[str, Any]:
        """Build to the end."""
        build = self.call("POST", f"/workspaces/{workspace['id']}/builds", json={"transition": transition})
        return self.build_ended(build)

    def build_ended(self, build: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the end of a build."""
        return self.ended(f"/workspacebuilds/{build['id']}")

    def agent(self, workspace: Mapping[str, Any]) -> dict[str, Any]:
        """Return the workspace's first agent as it is now."""
        build = self.call("GET", f"/workspaces/{workspace['id']}")["latest_build"]
        agents = [agent for resource in build["resources"] for agent in resource.get("agents") or []]
        return agents[0] if agents else {}

    def wait_for_agent(self, workspace: Mapping[str, Any], **wanted: str) -> None:
        """Wait until the agent is so."""
        wait_for(lambda: wanted.items() <= self.agent(workspace).items(), seconds=60)

    def ended(self, path: str) -> dict[str, Any]:
        """Wait until the job of what is at this path has ended, and return it."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            found.update(self.call("GET", path))
            return found["job"]["status"] not in _GOING

        wait_for(has_ended, seconds=90)
        return found

    def delete_workspaces(self) -> None:
        """Delete what failed tests have left: workspaces go on running when their server ends."""
        for workspace in self.call("GET", "/workspaces")["workspaces"]:
            self.build_ended(workspace["latest_build"])
            self.build(workspace, "delete")
