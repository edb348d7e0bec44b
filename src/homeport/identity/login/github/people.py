"""Whom GitHub vouches for, and whether they may come in (spec: identity 7.2)."""

import asyncio
from typing import Final

from homeport.config import Settings
from homeport.identity.errors import ExchangeFailed, NotAdmitted, NotVouchedFor, ProviderUnreachable
from homeport.identity.login.github import questions
from homeport.identity.login.github.client import GithubClient
from homeport.identity.login.github.questions import NAME
from homeport.identity.rules import github as rules
from homeport.identity.rules.claiming import picture_from
from homeport.identity.types import Claimed, ProviderTokens

# For all questions about one person together: nobody waits longer than that for a page.
_SECONDS: Final = 20.0


async def claimed(github: GithubClient, settings: Settings, tokens: ProviderTokens) -> Claimed:
    """Return who has these tokens, once they may come in and their address is proven.

    Raises NotAdmitted (401), NotVouchedFor (400), ExchangeFailed (500), ProviderUnreachable and ProviderBusy (503).
    """
    try:
        async with asyncio.timeout(_SECONDS):
            return await _claimed(github, settings, tokens)
    except TimeoutError:
        raise ProviderUnreachable(NAME, f"no answers within {_SECONDS:g} seconds") from None


async def _claimed(github: GithubClient, settings: Settings, tokens: ProviderTokens) -> Claimed:
    address, token = github.addresses.api, tokens.access_token
    user = await questions.get_user(address, token)
    number, login = rules.account_id(user), rules.text_of(user, "login")
    if not number or not login:
        # Every account without an id would be the same person.
        raise ExchangeFailed(NAME, "GitHub's answer names no account: its id is missing or 0.")
    if not settings.oauth2_github_allow_everyone:
        await _require_membership(address, settings, token, login)
    email = rules.verified_email(await questions.list_emails(address, token))
    if not email:
        raise NotVouchedFor("Your primary e-mail address at GitHub is not verified. Verify it there and try again.")
    return Claimed(
        linked_id=str(number),
        email=email,
        username=login.replace("_", "-"),
        tokens=tokens,
        name=rules.text_of(user, "name"),
        avatar_url=picture_from(rules.text_of(user, "avatar_url")),
        github_com_user_id=number if github.addresses.is_github_com else None,
    )


async def _require_membership(address: str, settings: Settings, token: str, login: str) -> None:
    """Demand an active membership in an allowed organization, and in one of the teams where teams are named."""
    active = rules.active_organizations(await questions.list_memberships(address, token))
    organizations = rules.admitting(settings.oauth2_github_allowed_orgs, active)
    if not organizations:
        raise NotAdmitted("You are not an active member of an organization at GitHub whose members may sign in here.")
    if not settings.oauth2_github_allowed_teams:
        return
    for organization, team in rules.teams_within(settings.oauth2_github_allowed_teams, organizations):
        if await questions.is_in_team(address, token, organization=organization, team=team, login=login):
            return
    raise NotAdmitted("You are not an active member of a team at GitHub whose members may sign in here.")
