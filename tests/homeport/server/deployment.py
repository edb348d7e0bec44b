"""The whole application in this process, with one of everything in it, made the way clients and daemons make it."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import msgspec

from homeport.config import Settings
from homeport.database import Database, Listener
from homeport.files.rules import archive
from homeport.kit.crypto import Cipher
from homeport.server.app import build_asgi, build_parts
from tests.support.accounts import Accounts, Api, Person
from tests.support.names import unique_name

# Nobody listens there, and nobody need be asked where it is.
NOWHERE = "http://127.0.0.1:1"
PSK = "the deployment's own secret"
CALLBACK = "https://client.example/callback"
# Of the verifier that nobody needs here: codes are not redeemed.
_CHALLENGE = "c" * 43
_AGENT = {
    "name": "main",
    "apps": [{"slug": "web", "healthcheck": {"url": "http://localhost", "interval": 5, "threshold": 3}}],
    "scripts": [{"display_name": "Start", "script": "true", "run_on_start": True}],
    "metadata": [{"key": "load", "display_name": "Load", "script": "uptime"}],
}


class Job(msgspec.Struct, frozen=True):
    """A job that a daemon works on."""

    id: str
    token: str


class Places(msgspec.Struct, frozen=True):
    """Values of path parameters by name, and what programs sign in with."""

    words: dict[str, str]
    jobs: dict[str, Job]
    agent_token: str
    provisioner_key: str


class Deployment:
    """See the module. `api` calls it as people do; `asgi` takes raw requests."""

    def __init__(self, db: Database, listener: Listener, *, access_url: str = NOWHERE, **more: Any) -> None:
        """`more` are further settings by name."""
        usual: dict[str, Any] = {"dangerous_disable_rate_limits": True}
        settings = Settings(
            access_url=access_url, provisioner_daemon_psk=PSK, provisioner_daemons=0, **{**usual, **more}
        )
        self.parts = build_parts(settings, db, listener, Cipher([bytes(range(32))]))
        self.asgi, self.app, self._gate = build_asgi(self.parts, has_proof=True)
        self.api = Api(self.asgi, db, settings, self.parts.authenticators, self._gate)
        self.db, self.accounts = db, Accounts(db)

    async def close(self) -> None:
        """End what runs beside requests."""
        await self.parts.mcp.close()
        await self._gate.close()

    async def ask(self, person: Person | None, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Call the API and return its JSON; fails on a refusal."""
        answer = await self.api.call(person, method, path, body, **more)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def take_job(self, job_id: str) -> Job:
        """Take jobs as a daemon until it is this one; those before it stay taken."""
        wanted = {"name": unique_name("d"), "version": "v1", "provisioners": ["echo"], "wait_seconds": 0}
        headers = {"Coder-Provisioner-Daemon-PSK": PSK}
        path = "/organizations/default/provisionerdaemons/acquire"
        while True:
            job: dict[str, Any] = await self.ask(None, "POST", path, wanted, headers=headers)
            if job["job_id"] == job_id:
                return Job(job_id, job["job_token"])

    async def report(self, job: Job, what: str, body: dict[str, Any]) -> None:
        """Report about a job."""
        headers = {"Homeport-Job-Token": job.token}
        await self.ask(None, "POST", f"/provisionerjobs/{job.id}/{what}", body, headers=headers)

    async def pending_version(self, author: Person, **more: Any) -> dict[str, Any]:
        """Make a version whose import waits for a daemon."""
        data = archive.pack({"homeport.yaml": unique_name("x").encode()})
        file = await self.ask(author, "POST", "/files", content=data, headers={"Content-Type": "application/x-tar"})
        wanted = {"provisioner": "echo", "storage_method": "file", "file_id": file["hash"], **more}
        made: dict[str, Any] = await self.ask(author, "POST", "/organizations/default/templateversions", wanted)
        return made | {"file_id": file["hash"]}

    async def version(self, author: Person, **more: Any) -> dict[str, Any]:
        """Make a version whose import has succeeded."""
        made = await self.pending_version(author, **more)
        parameters = [{"name": "size", "default_value": "small", "required": False}]
        await self.report(
            await self.take_job(made["job"]["id"]), "complete", {"template_import": {"parameters": parameters}}
        )
        return made

    async def template(self, author: Person, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Make a template of a version, and return both."""
        version = await self.version(author)
        wanted = {"name": unique_name("tpl"), "template_version_id": version["id"], **more}
        return await self.ask(author, "POST", "/organizations/default/templates", wanted), version

    async def workspace(self, owner: Person, template_id: str) -> tuple[dict[str, Any], str]:
        """Make a running workspace, and return it with its agent's token."""
        wanted = {"name": unique_name("ws"), "template_id": template_id}
        made = await self.ask(owner, "POST", "/users/me/workspaces", wanted)
        token = str(uuid4())
        agent = {**_AGENT, "token": token}
        result = {"state": "c3RhdGU=", "resources": [{"type": "process", "name": "machine", "agents": [agent]}]}
        await self.report(
            await self.take_job(made["latest_build"]["job"]["id"]), "complete", {"workspace_build": result}
        )
        return await self.ask(owner, "GET", f"/workspaces/{made['id']}"), token

    async def running_job(self, kind: str, admin: Person, person: Person, template_id: str, version_id: str) -> Job:
        """Let a daemon have taken a job; `kind` is what it reports at the job's end."""
        if kind == "dry_run":
            made = await self.ask(admin, "POST", f"/templateversions/{version_id}/dry-run", {})
        elif kind == "template_import":
            made = (await self.pending_version(admin))["job"]
        else:
            wanted = {"name": unique_name("ws"), "template_id": template_id}
            made = (await self.ask(person, "POST", "/users/me/workspaces", wanted))["latest_build"]["job"]
        return await self.take_job(made["id"])

    async def application(self, admin: Person, person: Person) -> dict[str, str]:
        """Register an OAuth2 application with a secret, let the person allow it, and return the ids by parameter."""
        wanted = {"name": unique_name("app"), "redirect_uris": [CALLBACK]}
        app = await self.ask(admin, "POST", "/oauth2-provider/apps", wanted)
        secret = await self.ask(admin, "POST", f"/oauth2-provider/apps/{app['id']}/secrets")
        answer = await self.api.raw(
            "POST", f"/oauth2/authorize?{asking(app['client_id'])}", headers={**person.headers, "Accept": "*/*"}
        )
        assert answer.headers.get("location", "").startswith(CALLBACK), (answer.status_code, answer.text)
        found = await self.ask(person, "GET", f"/oauth2-provider/grants?user=me&client_id={app['client_id']}")
        return {
            "app": app["id"], "client_id": app["client_id"], "secret": secret["id"], "grant": found[0]["id"],
        }  # fmt: skip

    async def furnish(self, admin: Person, person: Person, *, user: str) -> "Places":
        """Make one of everything that belongs to `person`.

        `user` is whom paths name: `me`, or another account that may be lost.
        """
        template, version = await self.template(admin)
        workspace, agent_token = await self.workspace(person, template["id"])
        build = workspace["latest_build"]
        agent = build["resources"][0]["agents"][0]
        jobs = {
            kind: await self.running_job(kind, admin, person, template["id"], version["id"])
            for kind in ("dry_run", "template_import", "workspace_build")
        }
        token_name, key_name = unique_name("token"), unique_name("key")
        token = await self.ask(person, "POST", "/users/me/keys/tokens", {"token_name": token_name})
        secret = await self.ask(admin, "POST", "/organizations/default/provisionerkeys", {"name": key_name})
        sub_agent = await self.ask(
            None, "POST", "/workspaceagents/me/subagents", {"name": unique_name("sub")},
            headers={"Coder-Session-Token": agent_token},
        )  # fmt: skip
        group = await self.ask(admin, "POST", "/organizations/default/groups", {"name": unique_name("group")})
        await self.ask(admin, "PATCH", f"/groups/{group['id']}", {"add_users": [str(person.id)]})
        role = await self.ask(admin, "POST", "/organizations/default/members/roles", {"name": unique_name("role")})
        words = {
            "group": group["id"], "groupname": group["name"], "rolename": role[0]["name"],
            "organization": "default", "organizationname": "coder", "user": user, "os": "linux", "arch": "amd64", "file": "agent",
            "keyid": token["key"].partition("-")[0], "keyname": token_name, "file_id": version["file_id"],
            "template": template["id"], "templatename": template["name"], "templateversion": version["id"],
            "templateversionname": version["name"], "job": jobs["dry_run"].id, "provisionerkey": key_name,
            "workspace": workspace["id"], "workspacename": workspace["name"], "buildnumber": "1",
            "workspacebuild": build["id"], "workspaceagent": agent["id"], "subagent": sub_agent["agent"]["id"],
            "app_id": agent["apps"][0]["id"], "script_id": agent["scripts"][0]["id"], "log_source": agent["scripts"][0]["log_source_id"],
            "fresh_version": (await self.version(admin))["id"], "random_id": str(uuid4()),
            **await self.application(admin, person),
        }  # fmt: skip
        return Places(words, jobs, agent_token, secret["key"])


def asking(client_id: str) -> str:
    """Return the query with which a client asks for a code."""
    return urlencode(
        {
            "response_type": "code", "client_id": client_id, "redirect_uri": CALLBACK, "state": "s",
            "scope": "coder:workspaces.read", "code_challenge": _CHALLENGE, "code_challenge_method": "S256",
        }
    )  # fmt: skip
