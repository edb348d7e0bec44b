"""Routes about the deployment itself: version, settings, SSH names, experiments, metrics, and whether the process serves."""

from litestar import MediaType, Response, get

from homeport.config import Settings
from homeport.config.load import definitions
from homeport.config.reference import show_default
from homeport.database import Database
from homeport.kit.routes import authenticated, public, requires
from homeport.rbac import Action, Object, ResourceType, Subject, require
from homeport.server import queries
from homeport.server.schemas import (
    AvailableExperiments,
    BuildInfoResponse,
    DeploymentConfig,
    DeploymentOption,
    SSHConfigResponse,
    UpdateCheckResponse,
)
from homeport.server.version import VERSION
from homeport.telemetry import metrics

AGENT_API_VERSION = "1.0"
PROVISIONER_API_VERSION = "1.0"


@get("/", opt=public("names the API"), tags=["General"], summary="API root")
async def api_root() -> dict[str, str]:
    """Say what answers here."""
    return {"message": "👋"}


@get(
    "/buildinfo",
    opt=public("clients compare versions before they sign in"),
    tags=["General"],
    summary="Build info",
)
async def build_info(db: Database, settings: Settings) -> BuildInfoResponse:
    """Return version and addresses."""
    async with db.connection() as conn:
        deployment_id = await queries.get_deployment_id(conn)
    return BuildInfoResponse(
        external_url=settings.access_url,
        version=f"v{VERSION}",
        dashboard_url=settings.access_url,
        telemetry=False,
        workspace_proxy=False,
        agent_api_version=AGENT_API_VERSION,
        provisioner_api_version=PROVISIONER_API_VERSION,
        upgrade_message="",
        deployment_id=deployment_id,
    )


@get(
    "/deployment/config",
    opt=requires("deployment_config:read"),
    tags=["General"],
    summary="Get deployment config",
)
async def deployment_config(subject: Subject, settings: Settings) -> DeploymentConfig:
    """Return every setting; secret values stay out."""
    require(subject, Action.READ, Object(ResourceType.DEPLOYMENT_CONFIG), noun="deployment config")
    options = []
    for item in definitions():
        value = "" if item.about.is_secret else show_default(getattr(settings, item.name))
        options.append(
            DeploymentOption(
                name=item.name.replace("_", " "),
                description=item.about.help,
                flag=item.flag.lstrip("-"),
                env=f"HOMEPORT_{item.environment}",
                group=item.about.group,
                default=show_default(item.default),
                value=value,
            )
        )
    return DeploymentConfig(config={option.flag.replace("-", "_"): option.value for option in options}, options=options)


@get("/deployment/ssh", opt=authenticated(), tags=["General"], summary="SSH config")
async def deployment_ssh(settings: Settings) -> SSHConfigResponse:
    """Return how OpenSSH names reach workspaces."""
    options = {}
    for line in settings.ssh_config_options:
        key, _, value = line.partition("=" if "=" in line else " ")
        options[key.strip()] = value.strip()
    return SSHConfigResponse(settings.ssh_hostname_prefix, settings.ssh_hostname_suffix, options)


@get("/experiments", opt=authenticated(), tags=["General"], summary="Get enabled experiments")
async def experiments() -> list[str]:
    """Return the experiments that are switched on: there are none, everything ships switched on."""
    return []


@get(
    "/experiments/available",
    opt=authenticated(),
    tags=["General"],
    summary="Get safe experiments",
)
async def available_experiments() -> AvailableExperiments:
    """Return the experiments that may be switched on: there are none."""
    return AvailableExperiments(safe=[])


@get("/updatecheck", opt=public("shows the version"), tags=["General"], summary="Update check")
async def update_check() -> UpdateCheckResponse:
    """Return this server's version; it asks nobody for a newer one."""
    return UpdateCheckResponse(current=True, version=f"v{VERSION}", url="")


@get(
    "/healthz",
    opt=public("load balancers ask"),
    media_type=MediaType.TEXT,
    include_in_schema=False,
)
async def healthz() -> str:
    """Answer OK while the process serves."""
    return "OK"


@get(
    "/debug/metrics",
    opt=requires("debug_info:read"),
    tags=["Debug"],
    summary="Debug metrics",
    media_type=MediaType.TEXT,
)
async def debug_metrics(subject: Subject) -> Response[bytes]:
    """Return all metrics in Prometheus' text format."""
    require(subject, Action.READ, Object(ResourceType.DEBUG_INFO), noun="metrics")
    return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


api_routes = [
    api_root,
    build_info,
    deployment_config,
    deployment_ssh,
    experiments,
    available_experiments,
    update_check,
    debug_metrics,
]
root_routes = [healthz]
