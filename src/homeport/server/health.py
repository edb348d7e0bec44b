"""The health of the whole deployment, part by part, and the WebSocket that its check knocks at (spec: api-models, health)."""

from contextlib import suppress
from statistics import median
from typing import Any

import httpx
from litestar import WebSocket, get, websocket
from litestar.exceptions import WebSocketException
from litestar.handlers import BaseRouteHandler
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException as RefusedSocket

from homeport.config import Settings
from homeport.database import Database, DatabaseError
from homeport.kit import clock
from homeport.kit.routes import public, requires
from homeport.provisioning.rules import isolation_missing
from homeport.rbac import Action, Object, ResourceType, Subject, require
from homeport.server import queries
from homeport.server.schemas import (
    AccessURLReport,
    DatabaseReport,
    DERPReport,
    HealthcheckReport,
    HealthMessage,
    HealthSection,
    ProvisionerDaemonsReport,
    WebsocketReport,
    WorkspaceProxyReport,
)
from homeport.server.version import VERSION

_LATENCY_THRESHOLD_MS = 15
_SAMPLES = 5
_TIMEOUT = 5
_ECHO_PATH = "/api/v2/debug/ws"
_KNOCK = "knock"
_LONGEST_ECHO = 64


@get(
    "/debug/health",
    opt=requires("debug_info:read"),
    tags=["Debug"],
    summary="Debug Info Deployment Health",
)
async def debug_health(db: Database, subject: Subject, settings: Settings) -> HealthcheckReport:
    """Check the access address for requests and WebSockets, the database and the provisioner daemons."""
    require(subject, Action.READ, Object(ResourceType.DEBUG_INFO), noun="health report")
    access = await _check_access_url(settings.access_url)
    socket = await _check_websocket(settings.access_url)
    database = await _check_database(db)
    daemons = await _check_daemons(db)
    sections: tuple[HealthSection, ...] = (access, socket, database, daemons)
    severity = next((level for level in ("error", "warning") if any(part.severity == level for part in sections)), "ok")
    return HealthcheckReport(
        time=clock.now(),
        healthy=severity != "error",
        severity=severity,
        coder_version=f"v{VERSION}",
        access_url=access,
        websocket=socket,
        database=database,
        provisioner_daemons=daemons,
        derp=DERPReport(**_well()),
        workspace_proxy=WorkspaceProxyReport(**_well()),
    )


@websocket("/debug/ws", opt=public("the health check knocks from the address that people use"))
async def echo(socket: WebSocket[Any, Any, Any]) -> None:
    """Send one short message back, and close."""
    await socket.accept()
    with suppress(WebSocketException):
        await socket.send_text((await socket.receive_text())[:_LONGEST_ECHO])
        await socket.close()


def _well() -> dict[str, Any]:
    """Return what a part is until something is found; relays and proxies, of which there are none, stay so."""
    return {"healthy": True, "severity": "ok", "warnings": [], "dismissed": False}


async def _check_access_url(address: str) -> AccessURLReport:
    report = AccessURLReport(**_well(), access_url=address)
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False) as client:
            reply = await client.get(f"{address}/healthz")
        report.status_code, report.healthz_response = reply.status_code, reply.text[:200]
        report.reachable = reply.status_code == 200
    except httpx.HTTPError as error:
        report.error = f"{type(error).__name__}: {error}"
    if not report.reachable:
        _is_ill(report, "EACS03", f"{address}/healthz does not answer; check ACCESS_URL.")
    return report


async def _check_websocket(address: str) -> WebsocketReport:
    report = WebsocketReport(**_well())
    url = address.replace("http", "ws", 1) + _ECHO_PATH
    try:
        async with connect(url, open_timeout=_TIMEOUT, close_timeout=_TIMEOUT, proxy=None) as socket:
            report.code = socket.response.status_code if socket.response is not None else 0
            await socket.send(_KNOCK)
            report.body = str(await socket.recv())[:200]
    except (RefusedSocket, OSError, TimeoutError) as error:
        report.error = f"{type(error).__name__}: {error}"
        _is_ill(report, "EWS01", f"{url} takes no WebSocket; check ACCESS_URL and what stands before the server.")
        return report
    if report.body != _KNOCK:
        _is_ill(report, "EWS03", f"{url} answers with something else than it was sent.")
    return report


async def _check_database(db: Database) -> DatabaseReport:
    report = DatabaseReport(**_well(), threshold_ms=_LATENCY_THRESHOLD_MS)
    samples = []
    try:
        async with db.connection() as conn:
            for _ in range(_SAMPLES):
                before = clock.monotonic()
                await queries.ping(conn)
                samples.append(clock.monotonic() - before)
    except DatabaseError as error:
        report.error = str(error)
        _is_ill(report, "EDB01", "The database does not answer.")
        return report
    seconds = median(samples)
    report.reachable, report.latency, report.latency_ms = True, round(seconds * 1e9), round(seconds * 1e3)
    if report.latency_ms > _LATENCY_THRESHOLD_MS:
        words = f"The database answers in {report.latency_ms} ms; expected is below {_LATENCY_THRESHOLD_MS}."
        report.severity, report.warnings = "warning", [HealthMessage("EDB02", words)]
    return report


async def _check_daemons(db: Database) -> ProvisionerDaemonsReport:
    report = ProvisionerDaemonsReport(**_well())
    async with db.connection() as conn:
        report.items = await queries.list_recent_daemons(conn, now=clock.now())
    if not report.items:
        _is_ill(report, "EPD01", "No provisioner daemon was seen in the last 90 seconds: builds will wait.")
    for item in report.items:
        daemon = item["provisioner_daemon"]
        if "process" in daemon["provisioners"] and daemon["isolation"] != "bubblewrap":
            warning = HealthMessage("HPD01", isolation_missing(daemon["name"]))
            item["warnings"].append(warning)
            report.warnings.append(warning)
            report.severity = "warning"
    return report


def _is_ill(report: HealthSection, code: str, words: str) -> None:
    report.healthy, report.severity, report.warnings = False, "error", [HealthMessage(code, words)]


routes: list[BaseRouteHandler] = [debug_health, echo]
