"""Terraform by hand with the bundled provider, and with a stand-in for the one of Kubernetes."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from homeport_provisioner.settings import Settings
from homeport_provisioner.terraform.environment import Facts, provider_variables
from homeport_provisioner.terraform_provider.environment import COMMAND, find_environment
from homeport_provisioner.terraform_provider.mirror import offer

SCRIPTS = {"linux_amd64": "#!/bin/sh\nexec agent amd64\n", "linux_arm64": "#!/bin/sh\nexec agent arm64\n"}
URL = "https://homeport.example.com"
REQUIRED = 'terraform {\n  required_providers {\n    coder = {\n      source = "coder/coder"\n    }\n  }\n}\n'
_KUBERNETES = Path(__file__).with_name("kubernetes_provider.py")


@dataclass
class Outcome:
    """How one command of Terraform ended."""

    status: int
    output: str

    @property
    def errors(self) -> list[tuple[str, int]]:
        """What Terraform says is wrong, and the line of it (0 without)."""
        return [(text, line) for severity, text, line in self._diagnostics() if severity == "error"]

    @property
    def warnings(self) -> list[tuple[str, int]]:
        """What Terraform warns of, and the line of it (0 without)."""
        return [(text, line) for severity, text, line in self._diagnostics() if severity == "warning"]

    def _diagnostics(self) -> list[tuple[str, str, int]]:
        lines = [json.loads(line) for line in self.output.splitlines() if line.startswith("{")]
        found = [line["diagnostic"] for line in lines if line.get("type") == "diagnostic"]
        return [
            (
                each["severity"],
                f"{each['summary']}: {each['detail']}",
                each.get("range", {}).get("start", {}).get("line", 0),
            )
            for each in found
        ]


@dataclass
class Terraform:
    """A folder with a configuration, its state, and what the environment says of workspace and build."""

    folder: Path
    facts: Facts = field(default_factory=Facts)
    more: dict[str, str] = field(default_factory=dict)

    def write(self, text: str, name: str = "main.tf") -> None:
        """Write a file of the configuration; the first one gets the line that names the provider, after its own lines."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + (REQUIRED if name == "main.tf" and "required_providers" not in text else ""))

    def run(self, *words: str) -> Outcome:
        """Run a command."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder.parent),
            "CHECKPOINT_DISABLE": "1",
            "TF_CLI_CONFIG_FILE": str(self.folder.parent / "terraform.rc"),
            **provider_variables(self.facts, url=URL, init_scripts=SCRIPTS),
            **self.more,
        }
        done = subprocess.run(
            ["terraform", *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        return Outcome(done.returncode, done.stdout + done.stderr)

    def plan(self, *words: str) -> Outcome:
        """Plan into the file `plan`."""
        if not (self.folder / ".terraform").exists():
            done = self.run("init", "-no-color", "-input=false")
            assert done.status == 0, done.output
        return self.run("plan", "-json", "-input=false", "-out=plan", *words)

    def apply(self, *words: str) -> Outcome:
        """Plan and apply; both must have success."""
        done = self.plan(*words)
        assert done.status == 0, done.output
        done = self.run("apply", "-json", "-input=false", "plan")
        assert done.status == 0, done.output
        return done

    def changes(self) -> dict[str, list[str]]:
        """Tell what the last plan would do, by address; what stays is left out."""
        document = json.loads(self.run("show", "-json", "plan").output)
        changes = {each["address"]: each["change"]["actions"] for each in document.get("resource_changes", [])}
        return {address: actions for address, actions in changes.items() if actions not in (["no-op"], ["read"])}

    def values(self, *, planned: bool = False) -> dict[str, dict[str, Any]]:
        """Return the values of everything that there is, or that the last plan would make, by address."""
        document = json.loads(self.run("show", "-json", *(["plan"] if planned else [])).output)
        root = document.get("planned_values" if planned else "values", {}).get("root_module", {})
        found = _walk(root)
        if planned:
            found |= _walk(document.get("prior_state", {}).get("values", {}).get("root_module", {}))
        return found


def _walk(module: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {each["address"]: each["values"] for each in module.get("resources", [])}
    for child in module.get("child_modules", []):
        found |= _walk(child)
    return found


def prepare_terraform(folder: Path, *, constraints: tuple[str, ...] = (), with_kubernetes: bool = False) -> Terraform:
    """Make a folder for a configuration, and Terraform's settings beside it. For use outside of event loops."""
    mirror = asyncio.run(offer(folder / "provider", constraints))
    if with_kubernetes:
        add_kubernetes(mirror)
    write_settings(folder / "terraform.rc", mirror)
    (folder / "template").mkdir()
    return Terraform(folder / "template")


def prepare_kubernetes(folder: Path, settings: Settings) -> Settings:
    """Let a daemon find the stand-in for the provider of Kubernetes, as an operator would: by a mirror of all that is needed."""
    mirror = asyncio.run(offer(folder / "provider", ()))
    add_kubernetes(mirror)
    write_settings(folder / "terraform.rc", mirror)
    return msgspec.structs.replace(
        settings, terraform_bundled_provider="never", terraform_config=folder / "terraform.rc"
    )


def write_settings(path: Path, mirror: Path) -> None:
    """Write settings of Terraform that know a mirror and nothing else."""
    path.write_text(
        f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
    )


def add_kubernetes(mirror: Path) -> None:
    """Put the stand-in for the provider of Kubernetes into a mirror of ours."""
    environment = find_environment()
    assert environment is not None, f"The bundled provider is not set up: {COMMAND}"
    [own] = (mirror / "registry.terraform.io" / "coder" / "coder").iterdir()
    [platform] = own.iterdir()
    folder = mirror / "registry.terraform.io" / "hashicorp" / "kubernetes" / "2.99.0" / platform.name
    folder.mkdir(parents=True)
    program = folder / "terraform-provider-kubernetes_v2.99.0"
    words = [sys.executable, "-I", "-S", str(_KUBERNETES), str(environment), str(mirror.parent / "identity.pem")]
    program.write_text(f"#!/bin/sh\nexec {shlex.join(words)}\n")
    program.chmod(0o700)
