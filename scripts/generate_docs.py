"""Write every file that is generated from code: the API document, the SDK's models, the reference pages.

`python -m scripts.generate_docs` writes them, with `--check` it only names those that are stale and exits with 1. A file
is stale when the code it comes from would write it differently; a test holds that there is none.
"""

import argparse
import ast
import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OPENAPI = "openapi.json"
MODELS = "src/homeport_sdk/models.py"


class Generated(NamedTuple):
    """A file of the repository, by its path, and the function that makes its text."""

    path: str
    make: Callable[[], str]


def load(where: str) -> Any:
    """Return what `module:name` names. Generators are named, so that one page can be written while another cannot."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def openapi_document() -> str:
    """Return the OpenAPI document of the server, in an order that does not change by itself."""
    return json.dumps(load("homeport.openapi:document")(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def sdk_models() -> str:
    """Return the wire types of the SDK, made from the OpenAPI document of the server as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / OPENAPI
        document.write_text(openapi_document(), encoding="utf-8")
        target = Path(folder) / "models.py"
        command = [
            *(
                str(Path(sys.executable).parent / "datamodel-codegen"),
                "--input",
                str(document),
                "--output",
                str(target),
            ),
            *(
                "--input-file-type",
                "openapi",
                "--output-model-type",
                "msgspec.Struct",
                "--target-python-version",
                "3.11",
            ),
            *("--disable-timestamp", "--use-standard-collections", "--use-union-operator", "--use-annotated"),
            *(
                "--use-schema-description",
                "--reuse-model",
                "--keep-model-order",
                "--enum-field-as-literal",
                "all",
                "--keyword-only",
            ),
            *("--output-datetime-class", "datetime", "--formatters", "builtin"),
            *("--custom-file-header", '"""The wire types of the API, generated from openapi.json by `make docs`."""'),
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        return without_unset(target.read_text(encoding="utf-8"))


class _WithoutUnset(ast.NodeTransformer):
    """Rewrites fields that may be left out: `X | UnsetType = UNSET` becomes `X | None = None`, a default stays."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        parts = [ast.unparse(part) for part in _alternatives(node.annotation)]
        if "UnsetType" in parts:
            parts.remove("UnsetType")
            is_unset = node.value is not None and "UNSET" in ast.unparse(node.value)
            if is_unset and "None" not in parts:
                parts.append("None")
            node.annotation = ast.parse(" | ".join(parts), mode="eval").body
        return self.generic_visit(node)  # type: ignore[return-value]

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(None) if node.id == "UNSET" else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        node.names = [name for name in node.names if name.name not in {"UNSET", "UnsetType"}]
        return node


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def without_unset(models: str) -> str:
    """Let absent fields be None, or their default where they have one: who reads an answer meets one kind of nothing."""
    plain = ast.unparse(_WithoutUnset().visit(ast.parse(models)))
    command = [str(Path(sys.executable).parent / "ruff"), "format", "--stdin-filename", "models.py", "-"]
    return subprocess.run(command, cwd=ROOT, check=True, input=plain, capture_output=True, text=True).stdout


def settings_page() -> str:
    """Return the reference page of all settings."""
    return str(load("homeport.config.reference:settings_page")())


def roles_page() -> str:
    """Return the reference page of the built-in roles."""
    return str(load("homeport.rbac.reference:roles_page")())


_METRICS = """
import json
import homeport.openapi
from homeport.telemetry.metrics import registry
print(json.dumps(sorted([family.name, family.type, family.documentation] for family in registry.collect())))
"""


def metrics_page() -> str:
    """Return the reference page of all metrics: importing the server declares every one.

    In a process of its own: what else has run in this one may have registered more.
    """
    done = subprocess.run([sys.executable, "-c", _METRICS], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    lines = [
        "# Metrics",
        "",
        "Generated from the server's Prometheus registry.",
        "",
        "| name | type | meaning |",
        "|---|---|---|",
    ]
    for name, kind, words in json.loads(done.stdout):
        suffix = "_total" if kind == "counter" else ""
        lines.append(f"| `{name}{suffix}` | {kind} | {words} |")
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """Return the reference page of the command line, made by Typer from the commands' own help."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "cli.md"
        command = [sys.executable, "-m", "typer", "homeport_cli.main", "utils", "docs", "--name", "homeport"]
        command += ["--title", "Command line", "--output", str(target)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        return target.read_text(encoding="utf-8").rstrip() + "\n"


GENERATED = (
    Generated(OPENAPI, openapi_document),
    Generated(MODELS, sdk_models),
    Generated("docs/reference/settings.md", settings_page),
    Generated("docs/reference/roles.md", roles_page),
    Generated("docs/reference/cli.md", cli_page),
    Generated("docs/reference/metrics.md", metrics_page),
)


def is_stale(generated: Generated, root: Path = ROOT) -> bool:
    """Tell whether the committed file differs from what its code writes now, or is missing."""
    path = root / generated.path
    return not path.is_file() or path.read_text(encoding="utf-8") != generated.make()


def write(generated: Generated, root: Path = ROOT) -> None:
    """Write the file."""
    path = root / generated.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(generated.make(), encoding="utf-8")


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Write every file that is generated from code.")
    parser.add_argument("--check", action="store_true", help="write nothing; name what is stale and exit with 1")
    arguments = parser.parse_args()
    stale = [generated for generated in GENERATED if is_stale(generated)]
    for generated in stale:
        if not arguments.check:
            write(generated)
        sys.stdout.write(f"{generated.path}: {'stale' if arguments.check else 'written'}\n")
    return 1 if stale and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
