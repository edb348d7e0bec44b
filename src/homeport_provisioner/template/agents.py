"""Reads the agents of a template, with their apps, scripts and metadata."""

import re
from collections.abc import Callable
from pathlib import Path

from croniter import croniter

from homeport_provisioner.template.shape import AgentPlan
from homeport_provisioner.template.tables import Cell, Table
from homeport_sdk.provisioner_protocol import AgentMetadata, App, Healthcheck, Script

DISPLAY_APPS = ("vscode", "vscode_insiders", "web_terminal", "port_forwarding_helper", "ssh_helper")
_DEFAULT_DISPLAY_APPS = tuple(name for name in DISPLAY_APPS if name != "vscode_insiders")
_AGENT_NAME = re.compile(r"(?i)[a-z0-9](-?[a-z0-9])*")
_SLUG = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_EXPRESSION = re.compile(r"\$\{(parameter|variable|workspace|template|organization|server)\.[A-Za-z0-9_-]+\}")
_RESERVED = ("HOMEPORT_", "CODER_")
_DAY = 86_400
CheckText = Callable[[Cell, str], None]


class AgentReader:
    """Reads `agents`. `check` looks at texts that are shown to people, `check_private` at those that reach processes only."""

    def __init__(self, source: Path, *, check: CheckText, check_private: CheckText) -> None:
        self._source = source
        self._check = check
        self._check_private = check_private
        self._slugs: set[str] = set()

    def read(self, top: Table) -> list[AgentPlan]:
        """Read all agents; there must be one at least."""
        cell = top.need("agents")
        if cell is None:
            return []
        agents: list[AgentPlan] = []
        cells = cell.cells(most=16)
        if not cells and cell.kind == "seq":
            cell.wrong("must have at least one agent, or nobody can work in the workspace")
        for item in cells:
            agents.append(self._read_agent(item, [agent.name.lower() for agent in agents]))
        return agents

    def _read_agent(self, cell: Cell, taken: list[str]) -> AgentPlan:
        row = Table(cell)
        name = row.text("name", "main", most=64, rule=_check_agent_name)
        if name.lower() in taken:
            cell.wrong(f"an agent '{name}' stands here already (case does not count); give this one another name")
        agent = AgentPlan(
            name=name,
            directory=row.text("directory", "~", most=4096, rule=self._check),
            env=self._read_environment(row),
            apps=tuple(self._read_app(item) for item in row.cells("apps")),
            scripts=tuple(self._read_script(item) for item in row.cells("scripts")),
            metadata=self._read_metadata(row),
            display_apps=_read_display_apps(row),
            connection_timeout_seconds=row.integer("connection_timeout", 120, least=1, most=_DAY),
            troubleshooting_url=row.text("troubleshooting_url", most=2048, rule=self._check),
            motd_file=row.text("motd_file", most=4096, rule=self._check),
            api_key_scope=row.choice("api_key_scope", ("all", "no_user_data")),
            order=row.integer("order", len(taken), least=-(2**31)),
        )
        row.finish()
        return agent

    def _read_environment(self, row: Table) -> dict[str, str]:
        cell = row.find("env")
        values = {}
        for name, value in (cell.fields() if cell else {}).items():
            if not _VARIABLE.fullmatch(name):
                value.wrong("is no name of an environment variable: letters, digits and _, not beginning with a digit")
            if name.startswith(_RESERVED):
                value.wrong(f"begins with {' or '.join(_RESERVED)}, which are set by the agent; choose another name")
            text = value.plain()
            self._check_private(value, text)
            values[name] = text
        return values

    def _read_app(self, cell: Cell) -> App:
        row = Table(cell)
        slug_cell = row.need("slug")
        slug = slug_cell.text(most=64) if slug_cell else ""
        if slug_cell and slug and not _SLUG.fullmatch(slug):
            slug_cell.wrong("must be small letters and digits with single hyphens between them")
        if slug_cell and slug in self._slugs:
            slug_cell.wrong(f"'{slug}' is taken; a slug may stand once in the whole template")
        self._slugs.add(slug)
        app = App(
            slug=slug,
            display_name=row.text("display_name", slug, most=256, rule=self._check),
            url=row.text("url", most=2048, rule=self._check),
            command=row.text("command", rule=_check_not_filled),
            icon=row.text("icon", most=256),
            external=row.flag("external"),
            subdomain=row.flag("subdomain"),
            share=row.choice("share", ("owner", "authenticated", "organization", "public")),  # type: ignore[arg-type]
            open_in=row.choice("open_in", ("slim-window", "tab")),  # type: ignore[arg-type]
            group=row.text("group", most=64),
            order=row.integer("order", least=-(2**31)),
            hidden=row.flag("hidden"),
            tooltip=row.text("tooltip", most=2048),
            healthcheck=self._read_healthcheck(row),
        )
        if bool(app.url) == bool(app.command):
            cell.wrong("needs a url (a page) or a command (in a terminal), and not both")
        if app.external and (app.subdomain or app.healthcheck or app.command):
            cell.wrong("is external, a mere link: drop subdomain, healthcheck and command")
        row.finish()
        return app

    def _read_healthcheck(self, row: Table) -> Healthcheck | None:
        cell = row.find("healthcheck")
        if cell is None:
            return None
        table = Table(cell)
        table.need("url")
        healthcheck = Healthcheck(
            url=table.text("url", most=2048, rule=self._check),
            interval=table.integer("interval", 5, least=1, most=_DAY),
            threshold=table.integer("threshold", 6, least=1, most=10_000),
        )
        table.finish()
        return healthcheck

    def _read_script(self, cell: Cell) -> Script:
        row = Table(cell)
        row.need("display_name")
        script = Script(
            display_name=row.text("display_name", most=256),
            script=self._read_source(row),
            icon=row.text("icon", most=256),
            cron=row.text("cron", most=256, rule=_check_cron),
            log_path=row.text("log_path", most=256),
            run_on_start=row.flag("run_on_start"),
            run_on_stop=row.flag("run_on_stop"),
            start_blocks_login=row.flag("start_blocks_login"),
            timeout=row.integer("timeout", most=7 * _DAY),
        )
        if not (script.run_on_start or script.run_on_stop or script.cron):
            cell.wrong("never runs; set run_on_start, run_on_stop or cron")
        if script.start_blocks_login and not script.run_on_start:
            cell.wrong("blocks the login but does not run on start; set run_on_start")
        row.finish()
        return script

    def _read_source(self, row: Table) -> str:
        """Return the script itself, from the template file or from a file beside it."""
        inline, file = row.find("script"), row.find("file")
        if (inline is None) == (file is None):
            row.cell.wrong("needs a script, or a file in the template that holds it, and not both")
            return ""
        if inline is not None:
            text = inline.text()
            _check_not_filled(inline, text)
            if not text.strip():
                inline.wrong("is empty")
            return text
        assert file is not None
        name = file.text(most=1024)
        path = (self._source / name).resolve()
        if not name or not path.is_relative_to(self._source.resolve()) or not path.is_file():
            file.wrong(f"'{name}' is no file of the template")
            return ""
        data = path.read_bytes()
        if len(data) > 65_536 or b"\0" in data:
            file.wrong(f"'{name}' must be a text of at most 65536 bytes")
            return ""
        return data.decode("utf-8", "replace")

    def _read_metadata(self, agent: Table) -> tuple[AgentMetadata, ...]:
        found: list[AgentMetadata] = []
        for number, cell in enumerate(agent.cells("metadata")):
            row = Table(cell)
            key_cell = row.need("key")
            key = key_cell.text(most=64) if key_cell else ""
            if key_cell and key and not _KEY.fullmatch(key):
                key_cell.wrong("must hold letters, digits, _, - and . only, and begin with a letter or digit")
            if key_cell and key in {item.key for item in found}:
                key_cell.wrong(f"'{key}' is taken; a key may stand once in an agent")
            row.need("script")
            item = AgentMetadata(
                key=key,
                display_name=row.text("display_name", key, most=256),
                script=row.text("script", rule=_check_not_filled),
                interval=row.integer("interval", 10, most=_DAY),
                timeout=row.integer("timeout", 5, least=1, most=3600),
                order=row.integer("order", number, least=-(2**31)),
            )
            row.finish()
            found.append(item)
        return tuple(found)


def _read_display_apps(row: Table) -> tuple[str, ...]:
    cell = row.find("display_apps")
    if cell is None:
        return _DEFAULT_DISPLAY_APPS
    return tuple(dict.fromkeys(item.choice(DISPLAY_APPS) for item in cell.cells()))


def _check_agent_name(cell: Cell, name: str) -> None:
    if "_" in name:
        cell.wrong("must not hold underscores: the name becomes part of a host name; use hyphens")
    elif not _AGENT_NAME.fullmatch(name):
        cell.wrong("must be letters and digits with single hyphens between them")


def _check_cron(cell: Cell, text: str) -> None:
    is_short = len(text.split()) in {5, 6}
    if text and not (is_short and croniter.is_valid(text, second_at_beginning=len(text.split()) == 6)):
        cell.wrong("must be a cron expression of five fields, or six with seconds first")


def _check_not_filled(cell: Cell, text: str) -> None:
    """Scripts are never filled in, so that no value is ever read as a command: they get values by environment."""
    found = _EXPRESSION.search(text)
    if found:
        kind, _, name = found[0][2:-1].partition(".")
        variable = f"HOMEPORT_{kind}_{name}".upper().replace("-", "_")
        known = f'"${variable}"' if kind in {"parameter", "variable"} else "an environment variable set under env"
        cell.wrong(f"'{found[0]}' is not filled in here, so that no value can become a command; use {known}")
