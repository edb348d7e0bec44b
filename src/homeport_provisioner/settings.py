"""What a daemon is told at its start, by flags or by environment."""

import argparse
import os
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from homeport_sdk.version import __version__

Isolation = Literal["auto", "bubblewrap", "none"]
BundledProvider = Literal["auto", "always", "never"]
ENGINES = ("process", "container", "terraform", "echo")
CONTAINER_RIGHTS = ("privileged", "host-network")
_SECRETS = {
    "key": ("HOMEPORT_PROVISIONER_KEY", "HOMEPORT_PROVISIONER_DAEMON_KEY", "CODER_PROVISIONER_DAEMON_KEY"),
    "psk": ("HOMEPORT_PROVISIONER_DAEMON_PSK", "CODER_PROVISIONER_DAEMON_PSK"),
    "session_token": ("HOMEPORT_SESSION_TOKEN", "CODER_SESSION_TOKEN"),
}
_NAMES = {"key": "key", "psk": "shared secret", "session_token": "session token"}
_SECRET_FLAGS = {"--key": "key", "--psk": "psk"}
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})


class SettingsError(Exception):
    """A setting is missing or wrong; the text says which and what to do."""


class Settings(msgspec.Struct, kw_only=True, frozen=True):
    """Everything a daemon knows from its start. One of `key`, `psk` and `session_token` is set.

    `hidden` are folders and files that no isolated workspace sees. `engines` that were named must work; else those that do are
    offered. What begins with `terraform` is for that engine: its program, whether our own provider is offered, a file of Terraform's
    own settings, and which variables of this environment Terraform gets beside the usual (names, or beginnings with a star).
    What begins with `container` is for that one: the engine's address, which rights and devices templates may ask for, the network
    of containers that name none (`auto`, `own`, `host` or a name), and where they reach the server, if not at its own address.
    """

    url: str
    name: str
    data_dir: Path
    key: str = ""
    psk: str = ""
    session_token: str = ""
    organization: str = "default"
    tags: dict[str, str] = {}
    engines: tuple[str, ...] = ENGINES
    are_engines_named: bool = False
    isolation: Isolation = "auto"
    hidden: tuple[Path, ...] = ()
    container_host: str = ""
    container_allow: tuple[str, ...] = ()
    container_devices: tuple[str, ...] = ()
    container_network: str = "auto"
    container_url: str = ""
    terraform: str = ""
    terraform_bundled_provider: BundledProvider = "auto"
    terraform_config: Path | None = None
    terraform_environment: tuple[str, ...] = ()
    drain_seconds: float = 300.0
    ends_with_stdin: bool | None = None
    is_verbose: bool = False


def read(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """Read flags, then the environment. Raises SettingsError; ends the program for --help, --version and unknown flags."""
    options = _parser(environment).parse_args(list(arguments))
    parts = urlsplit(options.url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise SettingsError(
            f"--url (HOMEPORT_URL) must be the server's address, such as https://homeport.example.com; it is '{options.url}'."
        )
    credential = _credential(options, environment)
    engines = tuple(word for word in re.split(r"[,\s]+", options.engines or ",".join(ENGINES)) if word)
    unknown = sorted(set(engines) - set(ENGINES))
    if unknown or not engines:
        raise SettingsError(
            f"--engines (HOMEPORT_PROVISIONER_ENGINES) takes some of {', '.join(ENGINES)}; not '{', '.join(unknown)}'."
        )
    if options.isolation not in {"auto", "bubblewrap", "none"}:
        raise SettingsError(
            f"--isolation (HOMEPORT_PROVISIONER_ISOLATION) is auto, bubblewrap or none; not '{options.isolation}'."
        )
    return Settings(
        url=options.url.rstrip("/"),
        name=options.name,
        data_dir=Path(options.data_dir).expanduser().absolute(),
        organization=options.organization,
        tags=_read_tags(
            [
                *_list(environment.get("HOMEPORT_PROVISIONERD_TAGS") or environment.get("CODER_PROVISIONERD_TAGS")),
                *options.tag,
            ]
        ),
        engines=engines,
        are_engines_named=bool(options.engines),
        isolation=options.isolation,
        hidden=tuple(
            Path(word).expanduser().absolute() for word in _list(environment.get("HOMEPORT_PROVISIONER_HIDE"))
        ),
        **_read_container(environment),
        **_read_terraform(environment),
        drain_seconds=_seconds(environment, "HOMEPORT_PROVISIONER_DRAIN_SECONDS", 300.0),
        ends_with_stdin=_switch(environment, "HOMEPORT_PROVISIONER_END_WITH_STDIN", default=None),
        is_verbose=options.verbose,
        **credential,
    )


def out_of_sight(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> tuple[list[str], dict[str, str]]:
    """Move the secrets of a command line, which every account of a machine may read, to the environment, which is one's own.

    Returns what is left of the arguments, and the environment with no other credential in it.
    """
    left, found = [], {}
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag in _SECRET_FLAGS:
            found[_SECRETS[_SECRET_FLAGS[flag]][0]] = value if equals else next(words, "")
        else:
            left.append(word)
    kinds = {name for names in _SECRETS.values() for name in names} if found else set()
    return left, {**{name: value for name, value in environment.items() if name not in kinds}, **found}


def _credential(options: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the one that a flag gives, else the first of the environment. Raises SettingsError."""
    given = {kind: value for kind in _SECRET_FLAGS.values() if (value := getattr(options, kind)) is not None}
    if len(given) > 1:
        raise SettingsError("One credential at a time: give --key or --psk.")
    if "" in given.values():
        raise SettingsError(f"--{next(iter(given))} is empty.")
    found = {kind: value for kind, names in _SECRETS.items() if (value := _first(environment, *names))}
    if not given and not found:
        raise SettingsError(
            "No credential: set HOMEPORT_PROVISIONER_KEY, HOMEPORT_PROVISIONER_DAEMON_PSK or HOMEPORT_SESSION_TOKEN, "
            "or give --key or --psk."
        )
    kind = next(iter(given or found))
    value = (given or found)[kind].strip()
    if not (value.isascii() and value.isprintable()):
        raise SettingsError(f"The {_NAMES[kind]} may hold printable ASCII alone, since it is sent in a header.")
    return {kind: value}


def _read_container(environment: Mapping[str, str]) -> dict[str, Any]:
    allowed = tuple(_list(environment.get("HOMEPORT_PROVISIONER_CONTAINER_ALLOW")))
    unknown = sorted(set(allowed) - set(CONTAINER_RIGHTS))
    if unknown:
        raise SettingsError(
            f"HOMEPORT_PROVISIONER_CONTAINER_ALLOW takes some of {', '.join(CONTAINER_RIGHTS)}; not '{', '.join(unknown)}'."
        )
    devices = tuple(_list(environment.get("HOMEPORT_PROVISIONER_CONTAINER_DEVICES")))
    wrong = next((device for device in devices if not device.startswith("/dev/")), None)
    if wrong:
        raise SettingsError(
            f"HOMEPORT_PROVISIONER_CONTAINER_DEVICES takes devices such as /dev/fuse, separated by commas; not '{wrong}'."
        )
    url = environment.get("HOMEPORT_PROVISIONER_CONTAINER_URL", "").rstrip("/")
    if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc):
        raise SettingsError(
            f"HOMEPORT_PROVISIONER_CONTAINER_URL is an address such as http://host.docker.internal:3000; not '{url}'."
        )
    return {
        "container_host": environment.get("HOMEPORT_PROVISIONER_CONTAINER_HOST", ""),
        "container_allow": allowed,
        "container_devices": devices,
        "container_network": environment.get("HOMEPORT_PROVISIONER_CONTAINER_NETWORK") or "auto",
        "container_url": url,
    }


def _read_terraform(environment: Mapping[str, str]) -> dict[str, Any]:
    bundled = environment.get("HOMEPORT_PROVISIONER_TERRAFORM_BUNDLED_PROVIDER") or "auto"
    if bundled not in {"auto", "always", "never"}:
        raise SettingsError(
            f"HOMEPORT_PROVISIONER_TERRAFORM_BUNDLED_PROVIDER is auto, always or never; not '{bundled}'."
        )
    config = environment.get("HOMEPORT_PROVISIONER_TERRAFORM_CONFIG")
    path = Path(config).expanduser().absolute() if config else None
    if path is not None and not path.is_file():
        raise SettingsError(f"HOMEPORT_PROVISIONER_TERRAFORM_CONFIG names {path}, which is no file.")
    return {
        "terraform": environment.get("HOMEPORT_PROVISIONER_TERRAFORM", ""),
        "terraform_bundled_provider": bundled,
        "terraform_config": path,
        "terraform_environment": tuple(_list(environment.get("HOMEPORT_PROVISIONER_TERRAFORM_ENVIRONMENT"))),
    }


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    def of(*names: str, default: str) -> str:
        return _first(environment, *names) or default

    parser = argparse.ArgumentParser(
        prog="homeport provisioner start",
        description="Take build jobs from a Homeport server and do them on this machine.",
        epilog="Without --key and --psk the credential comes from HOMEPORT_PROVISIONER_KEY, HOMEPORT_PROVISIONER_DAEMON_PSK or "
        "HOMEPORT_SESSION_TOKEN; flags stay in the history of shells.",
        allow_abbrev=False,
    )
    data = str(Path(of("XDG_DATA_HOME", default="~/.local/share")) / "homeport-provisioner")
    parser.add_argument(
        "--url", default=of("HOMEPORT_URL", "CODER_URL", default=""), help="address of the server (HOMEPORT_URL)"
    )
    parser.add_argument("--key", help="key of an organization (HOMEPORT_PROVISIONER_KEY)")
    parser.add_argument("--psk", help="shared secret of the deployment (HOMEPORT_PROVISIONER_DAEMON_PSK)")
    parser.add_argument(
        "--name",
        default=of(
            "HOMEPORT_PROVISIONER_NAME", "CODER_PROVISIONER_DAEMON_NAME", default=platform.node()[:64] or "provisioner"
        ),
        help="name of this daemon, unique in its organization (HOMEPORT_PROVISIONER_NAME)",
    )
    parser.add_argument(
        "--organization",
        "--org",
        default=of("HOMEPORT_ORGANIZATION", "CODER_ORGANIZATION", default="default"),
        help="name or id (HOMEPORT_ORGANIZATION)",
    )
    parser.add_argument(
        "--tag",
        "-t",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="may be repeated (HOMEPORT_PROVISIONERD_TAGS)",
    )
    parser.add_argument(
        "--data-dir",
        default=of("HOMEPORT_PROVISIONER_DATA_DIR", default=data),
        help="where homes of workspaces and passing files live (HOMEPORT_PROVISIONER_DATA_DIR)",
    )
    parser.add_argument(
        "--engines",
        default=of("HOMEPORT_PROVISIONER_ENGINES", default=""),
        help=f"some of {', '.join(ENGINES)}; when left out, all that work on this machine (HOMEPORT_PROVISIONER_ENGINES)",
    )
    parser.add_argument(
        "--isolation",
        default=of("HOMEPORT_PROVISIONER_ISOLATION", default="auto"),
        help="how process workspaces are kept apart from this machine: auto (by bubblewrap where it works), bubblewrap (else "
        "none starts) or none; without, only site owners may start them (HOMEPORT_PROVISIONER_ISOLATION)",
    )
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument("--version", action="version", version=f"Homeport {__version__}")
    return parser


def _first(environment: Mapping[str, str], *names: str) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _list(value: str | None) -> list[str]:
    return [word.strip() for word in (value or "").split(",") if word.strip()]


def _read_tags(words: list[str]) -> dict[str, str]:
    tags = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise SettingsError(f"A tag is KEY=VALUE; not '{word}'.")
        tags[key.strip()] = value.strip()
    return tags


def _switch(environment: Mapping[str, str], name: str, *, default: bool | None) -> bool | None:
    word = environment.get(name)
    if word is None:
        return default
    if word.lower() in _YES:
        return True
    if word.lower() in _NO:
        return False
    raise SettingsError(f"{name} is true or false; not '{word}'.")


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    word = environment.get(name, "")
    try:
        value = float(word) if word else default
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise SettingsError(f"{name} is a number of seconds; not '{word}'.")
    return value
