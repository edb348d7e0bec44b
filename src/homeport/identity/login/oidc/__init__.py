"""Sign-in through an OpenID Connect provider (spec: identity 7.4)."""

from homeport.identity.login.oidc.client import CALLBACK, OidcClient

__all__ = ["CALLBACK", "OidcClient"]
