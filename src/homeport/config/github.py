"""Settings of signing in by GitHub, and what contradicts itself among them. Names follow the reference system's."""

import re
from collections.abc import Iterator
from typing import Annotated, Final
from urllib.parse import urlsplit

from homeport.config.setting import Setting, text
from homeport.config.syncing import SyncSettings

_GROUP: Final = "GitHub"
_TEAM: Final = re.compile(r"[A-Za-z0-9-]+/[A-Za-z0-9_.-]+")
_ORGANIZATION: Final = re.compile(r"[A-Za-z0-9-]+")
_GITHUB_COM: Final = frozenset({"github.com", "www.github.com", "api.github.com"})


class GithubSettings(SyncSettings, frozen=True, kw_only=True):
    """The part of the settings that is about GitHub."""

    oauth2_github_client_id: Annotated[
        str, text(_GROUP, "Id of this deployment's application at GitHub. With it, people may sign in by GitHub.")
    ] = ""
    oauth2_github_client_secret: Annotated[
        str, text(_GROUP, "Secret of the application. The device flow needs none.", is_secret=True)
    ] = ""
    oauth2_github_device_flow: Annotated[
        bool,
        Setting(
            _GROUP,
            "Sign in by a code that people type at GitHub, in place of a redirect: for servers that GitHub's pages cannot "
            "lead back to.",
            "switch",
        ),
    ] = False
    oauth2_github_allow_signups: Annotated[
        bool, Setting(_GROUP, "Make an account for whoever signs in for the first time.", "switch")
    ] = False
    oauth2_github_allow_everyone: Annotated[
        bool, Setting(_GROUP, "Let everybody sign in who has an account at GitHub.", "switch")
    ] = False
    oauth2_github_allowed_orgs: Annotated[
        tuple[str, ...],
        Setting(_GROUP, "Organizations at GitHub whose active members may sign in.", "list"),
    ] = ()
    oauth2_github_allowed_teams: Annotated[
        tuple[str, ...],
        Setting(
            _GROUP,
            "Teams, as organization/team, of those organizations. With them, active members of one of the teams may sign in "
            "and nobody else.",
            "list",
        ),
    ] = ()
    oauth2_github_enterprise_base_url: Annotated[
        str, Setting(_GROUP, "Address of a GitHub Enterprise host. Empty: github.com.", "url")
    ] = ""
    oauth2_github_default_provider_enable: Annotated[
        bool,
        Setting(
            _GROUP,
            "Known for the sake of settings written for the reference system, which brings an application of its own. There "
            "is none here: true needs OAUTH2_GITHUB_CLIENT_ID.",
            "switch",
        ),
    ] = False


def problems(settings: GithubSettings) -> Iterator[str]:
    """Say what is wrong with these settings, each with its name."""
    if not settings.oauth2_github_client_id:
        yield from _without_client(settings)
        return
    if not settings.oauth2_github_client_secret and not settings.oauth2_github_device_flow:
        yield "OAUTH2_GITHUB_CLIENT_ID needs OAUTH2_GITHUB_CLIENT_SECRET, unless OAUTH2_GITHUB_DEVICE_FLOW is on."
    yield from _admission_problems(settings)
    if settings.oauth2_github_enterprise_base_url:
        yield from _host_problems(settings.oauth2_github_enterprise_base_url)


def _without_client(settings: GithubSettings) -> Iterator[str]:
    if settings.oauth2_github_default_provider_enable:
        yield (
            "OAUTH2_GITHUB_DEFAULT_PROVIDER_ENABLE: there is no application at GitHub that would serve every deployment. "
            "Register one, set OAUTH2_GITHUB_CLIENT_ID, or set this to false."
        )
    for name in GithubSettings.__annotations__:
        is_told = name.endswith(("_client_id", "_default_provider_enable"))
        if not is_told and getattr(settings, name):
            yield f"{name.upper()} has no effect without OAUTH2_GITHUB_CLIENT_ID; set it, or remove this."


def _admission_problems(settings: GithubSettings) -> Iterator[str]:
    organizations, teams = settings.oauth2_github_allowed_orgs, settings.oauth2_github_allowed_teams
    if settings.oauth2_github_allow_everyone and (organizations or teams):
        yield (
            "OAUTH2_GITHUB_ALLOW_EVERYONE contradicts OAUTH2_GITHUB_ALLOWED_ORGS and OAUTH2_GITHUB_ALLOWED_TEAMS; "
            "remove the one or the others."
        )
    if not settings.oauth2_github_allow_everyone and not organizations:
        yield "OAUTH2_GITHUB_ALLOWED_ORGS is empty, so nobody could sign in; name organizations, or set OAUTH2_GITHUB_ALLOW_EVERYONE."
    for organization in organizations:
        if not _ORGANIZATION.fullmatch(organization):
            yield f"OAUTH2_GITHUB_ALLOWED_ORGS: '{organization}' is no name of an organization."
    known = {organization.lower() for organization in organizations}
    for team in teams:
        if not _TEAM.fullmatch(team):
            yield f"OAUTH2_GITHUB_ALLOWED_TEAMS: '{team}' is not of the form organization/team, with the team's name as in its address."
        elif not settings.oauth2_github_allow_everyone and team.partition("/")[0].lower() not in known:
            yield f"OAUTH2_GITHUB_ALLOWED_TEAMS: '{team}' is of an organization that OAUTH2_GITHUB_ALLOWED_ORGS does not name."


def _host_problems(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    if (parts.hostname or "") in _GITHUB_COM:
        yield "OAUTH2_GITHUB_ENTERPRISE_BASE_URL is for hosts of one's own; leave it empty for github.com."
    elif parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        yield "OAUTH2_GITHUB_ENTERPRISE_BASE_URL is the address of the host alone, as https://github.example.com."
