"""Offers the bundled provider to Terraform: a mirror of files, whose programs start ours.

The mirror is kept, because Terraform's cache of providers holds links into it. All versions in it are the same program.
"""

import asyncio
import datetime as dt
import os
import platform
import shlex
import shutil
import stat
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from homeport_provisioner.engine import EngineFailure
from homeport_provisioner.terraform_provider.environment import COMMAND, find_environment
from homeport_provisioner.terraform_provider.versions import choose
from homeport_sdk import clock

_PROVIDER = Path("registry.terraform.io") / "coder" / "coder"
_PROGRAM = Path(__file__).resolve().parents[2] / "homeport_terraform_provider" / "__main__.py"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_YEARS = dt.timedelta(days=3650)
_SOON = dt.timedelta(days=30)


async def offer(folder: Path, constraints: Sequence[str]) -> Path:
    """Put a version that the constraints allow into the mirror of a folder; return the mirror. Raises EngineFailure, OSError."""
    return await asyncio.to_thread(_offer, folder, choose(constraints))


def _offer(folder: Path, version: str) -> Path:
    environment = find_environment()
    if environment is None:
        raise EngineFailure(
            "The template names the provider coder/coder, which no registry offers, and the one that comes with Homeport is not "
            f"set up on this machine. Whoever runs this provisioner sets it up by: {COMMAND}"
        )
    _sweep()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    identity = folder / "identity.pem"
    _make_identity(identity)
    mirror = folder / "mirror"
    machine = _ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower())
    program = mirror / _PROVIDER / version / f"{sys.platform}_{machine}" / f"terraform-provider-coder_v{version}"
    words = [sys.executable, "-I", "-S", str(_PROGRAM), str(environment), str(identity)]
    text = f"#!/bin/sh\nexec {shlex.join(words)}\n".encode("utf-8", "surrogateescape")
    if not program.exists() or program.read_bytes() != text:
        program.parent.mkdir(parents=True, exist_ok=True)
        _write(program, text, mode=0o700)
    return mirror


def _make_identity(path: Path) -> None:
    """Make a key and a certificate, by which Terraform knows that it talks to the program that it has started."""
    from cryptography import x509  # lazy: needed once in years
    from cryptography.hazmat.primitives import hashes, serialization  # lazy: as above
    from cryptography.hazmat.primitives.asymmetric import ec  # lazy: as above

    now = clock.now()
    with suppress(OSError, ValueError):
        if x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc > now + _SOON:
            return
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # In one file, so that they always fit each other, whoever else makes one at the same time.
    _write(path, secret + certificate.public_bytes(encoding), mode=0o600)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    fresh = path.with_name(f"{path.name}.{uuid4().hex}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
    fresh.replace(path)


def _sweep() -> None:
    """Remove the sockets of providers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob("homeport-terraform-*-*"):
        with suppress(OSError, ValueError):
            status = folder.lstat()
            number = int(folder.name.split("-")[2])
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not Path(f"/proc/{number}").exists():
                shutil.rmtree(folder)
