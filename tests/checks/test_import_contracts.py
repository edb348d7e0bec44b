"""Every import contract of pyproject.toml catches a violation that is planted in a small tree of its own."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = ROOT / "pyproject.toml"
CONTRACTS = {
    contract["name"]: contract["id"]
    for contract in tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
}
CLEAN = {
    "homeport/kit/clock.py": "import time\n",
    "homeport/telemetry/logs.py": "import structlog\n",
    "homeport/config/settings.py": "",
    "homeport/database/events.py": "from homeport.kit import clock\n",
    "homeport/database/database.py": "import asyncpg\nfrom homeport.telemetry import logs\n",
    "homeport/rbac/votes.py": "",
    "homeport/audit/service.py": "from homeport.audit import queries\nfrom homeport.database import database\n",
    "homeport/audit/queries.py": "from homeport.audit import types\n",
    "homeport/audit/types.py": "from homeport.database import events\n",
    "homeport/audit/rules.py": "from homeport.audit import errors, types\n",
    "homeport/audit/errors.py": "",
    "homeport/audit/schemas.py": "from homeport.audit import types\n",
    "homeport/audit/api.py": "from homeport.audit import schemas, service\n",
    "homeport/audit/tasks.py": "from homeport.audit import service\n",
    "homeport/templates/service.py": "from homeport.audit import service\n",
    "homeport/oauth2/service.py": "",
    "homeport/web/pages.py": "from homeport.templates import service\n",
    "homeport/mcp/tools.py": "",
    "homeport/server/start.py": "from homeport.audit import api\nfrom homeport.web import pages\n",
    "homeport/openapi.py": "from homeport.server import start\n",
    "homeport_sdk/client.py": "",
    "homeport_agent/main.py": "from homeport_sdk import client\n",
    "homeport_provisioner/main.py": "from homeport_sdk import client\n",
    "homeport_terraform_provider/service.py": "import json\n",
    "homeport_cli/main.py": "def f():\n    from homeport.server.start import x\n    from homeport_agent.main import y\n",
}
GUARDED = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    "
PLANTED = [
    ("tiers", "homeport/audit/service.py", "from homeport.templates import service"),
    ("tiers", "homeport/audit/service.py", f"{GUARDED}from homeport.templates import service"),
    ("tiers", "homeport/kit/clock.py", "def f():\n    from homeport.config import settings"),
    ("tiers", "homeport/oauth2/service.py", "from homeport.templates import service"),
    ("tiers", "homeport/mcp/tools.py", "from homeport.web import pages"),
    ("tiers", "homeport/telemetry/logs.py", "from homeport.config import settings"),
    ("tiers", "homeport/rbac/votes.py", "from homeport.database import events"),
    ("tiers", "homeport/webhooks/service.py", ""),
    ("roles", "homeport/audit/types.py", "from homeport.audit import errors"),
    ("roles", "homeport/audit/errors.py", "from homeport.audit import rules"),
    ("roles", "homeport/audit/service.py", "from homeport.audit import api"),
    ("roles", "homeport/audit/api.py", "from homeport.audit import tasks"),
    ("pure", "homeport/audit/rules.py", "import asyncio"),
    ("pure", "homeport/audit/rules.py", "from homeport.kit import clock"),
    ("pure", "homeport/audit/rules.py", "from homeport.telemetry import logs"),
    ("pure", "homeport/audit/types.py", "import asyncpg"),
    ("pure", "homeport/rbac/votes.py", "import time"),
    ("pure-rules", "homeport/audit/rules.py", "from homeport.database import events"),
    ("pure-rules", "homeport/audit/rules.py", "from homeport.config import settings"),
    ("no-sql-at-the-edge", "homeport/audit/api.py", "from homeport.audit import queries"),
    ("no-sql-at-the-edge", "homeport/audit/api.py", "import asyncpg"),
    ("no-sql-at-the-edge", "homeport/web/pages.py", "from homeport.audit import queries"),
    ("no-sql-at-the-edge", "homeport/mcp/tools.py", "import asyncpg"),
    ("sdk-alone", "homeport_sdk/client.py", "from homeport.kit import clock"),
    ("sdk-alone", "homeport_sdk/client.py", "import homeport_cli"),
    ("server-alone", "homeport/server/start.py", "from homeport_sdk import client"),
    ("server-alone", "homeport/server/start.py", "import homeport_provisioner"),
    ("programs", "homeport_agent/main.py", "from homeport.kit import clock"),
    ("programs", "homeport_provisioner/main.py", "import homeport_cli"),
    ("agent-and-provisioner", "homeport_provisioner/main.py", "import homeport_agent.main"),
    ("programs", "homeport_provisioner/main.py", "from homeport_terraform_provider import service"),
    ("terraform-provider-alone", "homeport_terraform_provider/service.py", "from homeport_sdk import client"),
    ("terraform-provider-alone", "homeport_terraform_provider/service.py", "import msgspec"),
    ("cli", "homeport_cli/main.py", "from homeport.kit import clock"),
    ("cli", "homeport_cli/main.py", "import homeport_agent"),
    ("cli", "homeport_cli/main.py", "def f():\n    from homeport.audit import service"),
]


@pytest.fixture
def tree(tmp_path):
    """A small tree of all packages that breaks no contract, under the contracts of the project."""
    text = PYPROJECT.read_text()
    (tmp_path / "pyproject.toml").write_text(text[text.index("[tool.importlinter]") :])
    for path, body in CLEAN.items():
        write(tmp_path, path, body)
    return tmp_path


def write(tree, path, body):
    file = tree / "src" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(body)
    (file.parent / "__init__.py").touch()
    (tree / "src" / path.partition("/")[0] / "__init__.py").touch()


def broken_contracts(tree):
    """Run the linter on `tree`; return the ids of the contracts that it calls broken."""
    outcome = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tree,
        text=True,
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tree / "src"), "COLUMNS": "300", "NO_COLOR": "1"},
    )
    verdicts = dict(re.findall(r"^(.+?) (KEPT|BROKEN)\b", outcome.stdout, re.MULTILINE))
    assert verdicts.keys() == CONTRACTS.keys(), outcome.stdout + outcome.stderr
    broken = {CONTRACTS[name] for name, verdict in verdicts.items() if verdict == "BROKEN"}
    assert outcome.returncode == bool(broken)
    return broken


def test_a_clean_tree_keeps_every_contract(tree):
    assert broken_contracts(tree) == set()


@pytest.mark.parametrize(("contract", "path", "planted"), PLANTED)
def test_a_planted_violation_is_caught(tree, contract, path, planted):
    write(tree, path, CLEAN.get(path, "") + planted + "\n")
    assert contract in broken_contracts(tree)


def test_every_contract_has_a_planted_violation():
    assert {contract for contract, _, _ in PLANTED} == set(CONTRACTS.values())
