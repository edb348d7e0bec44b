"""Which ways to sign in this deployment has, as the sign-in page and programs are told (spec: identity 4)."""

from homeport.config import Settings
from homeport.identity.login.configured import Providers
from homeport.identity.schemas import AuthMethod, AuthMethods, GithubAuthMethod, OIDCAuthMethod


def ways_of(settings: Settings, providers: Providers) -> AuthMethods:
    """Return the ways to sign in. No provider is built in, so none is configured by default."""
    has_oidc = providers.oidc is not None
    return AuthMethods(
        password=AuthMethod(enabled=not settings.disable_password_auth),
        github=GithubAuthMethod(enabled=providers.github is not None, default_provider_configured=False),
        oidc=OIDCAuthMethod(
            enabled=has_oidc,
            sign_in_text=settings.oidc_sign_in_text if has_oidc else "",
            icon_url=settings.oidc_icon_url if has_oidc else "",
        ),
        terms_of_service_url=settings.terms_of_service_url,
    )
