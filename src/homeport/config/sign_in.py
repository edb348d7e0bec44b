"""Settings of signing in through identity providers. Names follow the reference system's."""

from typing import Annotated

from homeport.config.github import GithubSettings
from homeport.config.setting import Setting, text


class SignInSettings(GithubSettings, frozen=True, kw_only=True):
    """The part of the settings that is about providers."""

    oidc_issuer_url: Annotated[
        str,
        Setting("OIDC", "Issuer of the OpenID Connect provider. With OIDC_CLIENT_ID: people may sign in by it.", "url"),
    ] = ""
    oidc_client_id: Annotated[str, text("OIDC", "Id of this deployment at the provider.")] = ""
    oidc_client_secret: Annotated[
        str, text("OIDC", "Secret of this deployment at the provider. Empty: a public client.", is_secret=True)
    ] = ""
    oidc_scopes: Annotated[
        tuple[str, ...],
        Setting(
            "OIDC", "Scopes to ask for. openid always is, and offline_access where the provider offers it.", "list"
        ),
    ] = ("openid", "profile", "email")
    oidc_allow_signups: Annotated[
        bool, Setting("OIDC", "Make an account for whoever signs in for the first time.", "switch")
    ] = True
    oidc_signups_disabled_text: Annotated[
        str, text("OIDC", "What people are told who have no account and may not make one.")
    ] = ""
    oidc_email_domain: Annotated[
        tuple[str, ...],
        Setting("OIDC", "Domains of e-mail addresses that may sign in, without their subdomains. Empty: all.", "list"),
    ] = ()
    oidc_email_field: Annotated[str, text("OIDC", "Claim that holds the e-mail address.")] = "email"
    oidc_username_field: Annotated[str, text("OIDC", "Claim that holds the wished user name.")] = "preferred_username"
    oidc_name_field: Annotated[str, text("OIDC", "Claim that holds the display name.")] = "name"
    oidc_ignore_email_verified: Annotated[
        bool, Setting("OIDC", "Let people sign in whose address the provider has not verified.", "switch")
    ] = False
    oidc_ignore_userinfo: Annotated[
        bool, Setting("OIDC", "Do not ask the provider's userinfo endpoint; the ID token says enough.", "switch")
    ] = False
    oidc_access_token_claims: Annotated[
        bool,
        Setting(
            "OIDC",
            "Take further claims from the access token, a JWT of the provider, and not from its userinfo endpoint.",
            "switch",
        ),
    ] = False
    oidc_auth_url_params: Annotated[
        tuple[str, ...],
        Setting("OIDC", "Further parameters of the authorization request: a JSON object, or name=value,…", "pairs"),
    ] = ("access_type=offline",)
    oidc_sign_in_text: Annotated[str, text("OIDC", "Words on the button.")] = "OpenID Connect"
    oidc_icon_url: Annotated[str, Setting("OIDC", "Picture on the button.", "url")] = ""
    dangerous_oidc_skip_issuer_checks: Annotated[
        bool,
        Setting(
            "OIDC",
            "Do not hold the issuer of discovery and tokens against OIDC_ISSUER_URL, for providers that have one address for "
            "many tenants. Whoever has an account in any of them may then sign in.",
            "switch",
        ),
    ] = False
