"""Sign-in by GitHub, through its pages or by a code that people type there (spec: identity 7.2 and 7.3)."""

from homeport.identity.login.github.client import CALLBACK, GithubClient, github_of

__all__ = ["CALLBACK", "GithubClient", "github_of"]
