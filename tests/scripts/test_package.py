"""What `pip install .` installs has all that the programs need beside their code."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.requirement("PACKAGE-WHEEL-01")
def test_the_wheel_holds_the_example_templates(wheel):
    folder = ROOT / "examples" / "templates"
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {name.partition("/")[0] for name in files} >= {"container", "python-project", "shell"}
    assert {name: wheel.read(f"homeport/examples/templates/{name}") for name in files} == files


@pytest.mark.requirement("PACKAGE-WHEEL-01")
@pytest.mark.parametrize(
    "pattern", ["homeport/database/sql/**/*.sql", "homeport/web/static/**/*.*", "homeport/web/templates/*.html"]
)
def test_the_wheel_holds_what_is_no_code(wheel, pattern):
    files = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").glob(pattern)}
    assert files
    assert files - set(wheel.namelist()) == set()


@pytest.mark.requirement("PACKAGE-WHEEL-01")
def test_the_wheel_holds_what_the_bundled_provider_needs(wheel):
    written = (ROOT / "requirements" / "terraform-provider.txt").read_bytes()
    assert wheel.read("homeport_provisioner/terraform_provider/requirements.txt") == written


@pytest.mark.requirement("PACKAGE-WHEEL-01")
def test_the_wheel_holds_what_brings_the_agent(wheel):
    assert wheel.read("homeport/bootstrap/requirements.txt") == (ROOT / "requirements" / "agent.txt").read_bytes()
    assert "homeport/bootstrap/service/script/init.sh" in wheel.namelist()


@pytest.mark.requirement("PACKAGE-WHEEL-01")
def test_the_wheel_holds_the_programs_and_nothing_else(wheel):
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "homeport", "homeport_agent", "homeport_cli", "homeport_provisioner", "homeport_sdk", "homeport_terraform_provider",
    }  # fmt: skip
    (info,) = (top for top in tops if top.endswith(".dist-info"))
    assert "homeport = homeport_cli.main:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "Apache License" in wheel.read(f"{info}/licenses/LICENSE").decode()
