"""Reading settings: flags, then `HOMEPORT_<NAME>`, then `CODER_<NAME>`, then a TOML file, then defaults: the first wins.

Every mistake is reported at once, each with the name that the operator wrote.
"""

import base64
import binascii
import difflib
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from homeport.config import browsers, github, mail, syncing, values
from homeport.config.definitions import Settings
from homeport.config.setting import Setting
from homeport.kit.errors import BadRequest
from homeport.kit.schedules import parse_daily

PREFIXES = ("HOMEPORT_", "CODER_")
# Names under our prefix that are not settings of the server: other programs read them.
OTHER_PROGRAMS = (
    "HOMEPORT_URL",
    "HOMEPORT_SESSION_TOKEN",
    "HOMEPORT_CONFIG",
    "HOMEPORT_CONFIG_DIR",
    "HOMEPORT_AGENT_",
    "HOMEPORT_PROVISIONER_",
    "HOMEPORT_FIRST_USER_",
    "HOMEPORT_ORGANIZATION",
    "HOMEPORT_NO_",
    "HOMEPORT_TEST_",
    "HOMEPORT_WORKSPACE_",
    "HOMEPORT_INTERNAL_",
    "HOMEPORT_SSH_",
    "HOMEPORT_RECONNECT_ID",
    "HOMEPORT_OWNER",
    "HOMEPORT_TEMPLATE_",
    "HOMEPORT_PARAMETER_",
    "HOMEPORT_VARIABLE_",
)

_PARSERS: dict[str, Callable[[str], Any]] = {
    "text": str.strip,
    "address": values.parse_address,
    "url": values.parse_url,
    "switch": values.parse_switch,
    "number": values.parse_whole_number,
    "duration": values.parse_duration,
    "list": values.parse_list,
    "pairs": values.parse_pairs,
    "mapping": values.parse_mapping,
    "path": lambda text: Path(text.strip()),
}


_LEAST = types.MappingProxyType(
    {
        "provisioner_daemons": 0,
        "pg_conn_max_open": 5,
        "login_rate_limit": 1,
        "login_account_rate_limit": 1,
        "oauth2_dynamic_client_limit": 0,
        "oauth2_authorize_rate_limit": 1,
        "oauth2_token_rate_limit": 1,
        "oauth2_register_rate_limit": 1,
    }
)
LEAST_SCIM_TOKEN = 32
# A daemon repeats a report for so long before it gets through a short interruption.
LEAST_HANG_TIMEOUT = timedelta(seconds=10)
_LENGTHS = (
    "session_duration",
    "default_token_lifetime",
    "max_token_lifetime",
    "max_admin_token_lifetime",
    "oauth2_access_token_lifetime",
    "oauth2_refresh_token_lifetime",
    "oauth2_session_lifetime",
    "oauth2_unused_client_lifetime",
    "one_time_passcode_validity_period",
)
_HOSTS = (
    "oauth2_client_metadata_domains",
    "oauth2_client_metadata_denied_domains",
    "oauth2_client_metadata_private_hosts",
)


class SettingsError(Exception):
    """One or more settings cannot be used; the text lists each with what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("The settings cannot be used:\n" + "\n".join(f"  - {problem}" for problem in problems))
        self.problems = problems


class Definition(msgspec.Struct, frozen=True):
    """One setting as seen from outside: its field name, default and description."""

    name: str
    default: Any
    about: Setting

    @property
    def environment(self) -> str:
        """The environment name, without prefix."""
        return self.name.upper()

    @property
    def flag(self) -> str:
        """The flag of `homeport server`."""
        return "--" + self.name.replace("_", "-")


def definitions() -> list[Definition]:
    """List every setting in the order of its definition."""
    hints = typing.get_type_hints(Settings, include_extras=True)
    defaults = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    # Inherited ones last: what everybody sets comes first.
    names = sorted(hints, key=lambda name: name not in Settings.__annotations__)
    return [Definition(name, defaults[name], hints[name].__metadata__[0]) for name in names]


def load_settings(
    *,
    flags: Mapping[str, str | bool | None] = types.MappingProxyType({}),
    environment: Mapping[str, str],
    file: Path | None = None,
) -> Settings:
    """Read, check and combine all sources into `Settings`, or raise `SettingsError` with every problem found.

    `flags` maps field names to texts (None: not given); `file` is a TOML file whose keys are the field names.
    """
    problems: list[str] = []
    known = {item.name: item for item in definitions()}
    raw: dict[str, tuple[str, str]] = {}
    _collect_file(file, known, raw, problems)
    _collect_environment(environment, known, raw, problems)
    for name, value in flags.items():
        if value is not None:
            raw[name] = (known[name].flag, str(value).lower() if isinstance(value, bool) else value)
    parsed: dict[str, Any] = {}
    for name, (source, text) in raw.items():
        try:
            parsed[name] = _parse(known[name].about, text)
        except ValueError as error:
            problems.append(f"{source}: {error}.")
    settings = Settings(**parsed)
    problems += _contradictions(settings)
    if problems:
        raise SettingsError(problems)
    return _complete(settings, file)


def _parse(about: Setting, text: str) -> Any:
    """Turn text into the setting's value. Raises ValueError that says what is accepted."""
    return values.parse_choice(text, about.choices) if about.choices else _PARSERS[about.kind](text)


def _collect_file(
    file: Path | None, known: Mapping[str, Definition], raw: dict[str, tuple[str, str]], problems: list[str]
) -> None:
    if file is None:
        return
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        problems.append(f"{file}: the settings file cannot be read: {error.strerror}.")
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file}: the settings file is not TOML: {error}.")
        return
    for key, value in content.items():
        name = key.lower().replace("-", "_")
        if name not in known:
            problems.append(f"{file}: unknown setting '{key}'.{_nearest(name, known)}")
        elif isinstance(value, list):
            raw[name] = (f"{file}: {key}", ",".join(str(part) for part in value))
        elif isinstance(value, dict):
            problems.append(f"{file}: '{key}' is a table; settings are plain values.")
        else:
            raw[name] = (f"{file}: {key}", str(value).lower() if isinstance(value, bool) else str(value))


def _collect_environment(
    environment: Mapping[str, str],
    known: Mapping[str, Definition],
    raw: dict[str, tuple[str, str]],
    problems: list[str],
) -> None:
    for prefix in reversed(PREFIXES):
        for variable, text in environment.items():
            if not variable.startswith(prefix):
                continue
            name = variable.removeprefix(prefix).lower()
            if name in known:
                raw[name] = (variable, text)
            elif prefix == "HOMEPORT_" and not variable.startswith(OTHER_PROGRAMS):
                problems.append(f"{variable}: unknown setting.{_nearest(name, known)}")


def _nearest(name: str, known: Mapping[str, Definition]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0].upper()}?" if close else " See 'homeport server --help' for all settings."


def _contradictions(settings: Settings) -> list[str]:
    problems: list[str] = []
    if settings.tls_enable and not (settings.tls_cert_file and settings.tls_key_file):
        problems.append("TLS_ENABLE needs TLS_CERT_FILE and TLS_KEY_FILE.")
    if not settings.tls_enable and (settings.tls_cert_file or settings.tls_key_file):
        problems.append("TLS_CERT_FILE and TLS_KEY_FILE have no effect without TLS_ENABLE=true; set it or remove them.")
    for name, least in _LEAST.items():
        if getattr(settings, name) < least:
            problems.append(f"{name.upper()} must be at least {least}.")
    if settings.provisioner_hang_timeout < LEAST_HANG_TIMEOUT:
        problems.append(
            f"PROVISIONER_HANG_TIMEOUT must be at least {LEAST_HANG_TIMEOUT.total_seconds():.0f}s: daemons report every few seconds."
        )
    problems += [
        f"{name.upper()} must be longer than zero." for name in _LENGTHS if getattr(settings, name) <= timedelta(0)
    ]
    problems += [
        f"{name.upper()}: '{host}' is an address; write a name such as client.example."
        for name in _HOSTS
        for host in getattr(settings, name)
        if "/" in host or "@" in host or " " in host
    ]
    try:
        parse_daily(settings.quiet_hours_default_schedule)
    except BadRequest as error:
        problems += [f"QUIET_HOURS_DEFAULT_SCHEDULE: {problem.detail}" for problem in error.validations]
    if settings.default_token_lifetime > settings.max_token_lifetime:
        problems.append("DEFAULT_TOKEN_LIFETIME is longer than MAX_TOKEN_LIFETIME.")
    if settings.scim_auth_header and len(settings.scim_auth_header) < LEAST_SCIM_TOKEN:
        problems.append(
            f"SCIM_AUTH_HEADER needs at least {LEAST_SCIM_TOKEN} characters; make it for example by openssl rand -hex 32."
        )
    if not settings.scim_auth_header.isascii() or " " in settings.scim_auth_header:
        problems.append("SCIM_AUTH_HEADER is the token alone, of ASCII characters and without spaces.")
    problems += _oidc_problems(settings)
    problems += github.problems(settings)
    problems += syncing.problems(settings)
    problems += mail.problems(settings)
    if settings.pg_connection_url and not settings.pg_connection_url.startswith(("postgres://", "postgresql://")):
        problems.append("PG_CONNECTION_URL must begin with postgres:// or postgresql://.")
    problems += [
        f"SSH_CONFIG_OPTIONS: '{option}' is not of the form Key=value."
        for option in settings.ssh_config_options
        if "=" not in option and " " not in option
    ]
    problems += browsers.problems(settings)
    for number, key in enumerate(settings.external_token_encryption_keys, start=1):
        if not _is_key(key):
            problems.append(f"EXTERNAL_TOKEN_ENCRYPTION_KEYS: key {number} is not 32 bytes in base64.")
    return problems


def _oidc_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    if bool(settings.oidc_issuer_url) != bool(settings.oidc_client_id):
        problems.append("OIDC_ISSUER_URL and OIDC_CLIENT_ID belong together; set both or none.")
    if settings.oidc_client_secret and not settings.oidc_client_id:
        problems.append(
            "OIDC_CLIENT_SECRET has no effect without OIDC_CLIENT_ID and OIDC_ISSUER_URL; set them or remove it."
        )
    if settings.oidc_access_token_claims and settings.oidc_ignore_userinfo:
        problems.append(
            "OIDC_ACCESS_TOKEN_CLAIMS and OIDC_IGNORE_USERINFO contradict each other: the former already replaces userinfo."
        )
    problems += [
        f"{name.upper()} names a claim and cannot be empty."
        for name in ("oidc_email_field", "oidc_username_field", "oidc_name_field")
        if not getattr(settings, name)
    ]
    taken = {"client_id", "response_type", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method"}
    problems += [
        f"OIDC_AUTH_URL_PARAMS: '{name}' is set by the server itself."
        for name in (entry.partition("=")[0] for entry in settings.oidc_auth_url_params)
        if name in taken
    ]
    return problems


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _complete(settings: Settings, file: Path | None) -> Settings:
    """Fill in what follows from other settings.

    The access address from the listen address, the data folder's full path, and what workspaces must not see: whatever
    account they run under, the server's own files are none of their business.
    """
    host, port = values.split_address(settings.http_address)
    shown = "localhost" if host in {"0.0.0.0", "::"} else (f"[{host}]" if ":" in host else host)  # noqa: S104
    scheme = "https" if settings.tls_enable else "http"
    data_dir = settings.data_dir.expanduser().absolute()
    own = [str(data_dir), *(str(Path(path).absolute()) for path in (file, settings.tls_key_file) if path)]
    return msgspec.structs.replace(
        settings,
        access_url=settings.access_url or f"{scheme}://{shown}:{port}",
        data_dir=data_dir,
        provisioner_hide=(*settings.provisioner_hide, *own),
    )
