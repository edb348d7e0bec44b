"""Sign-in by GitHub, through its pages or by a code that people type there (spec: identity 7.2 and 7.3)."""

from homeport.identity.login.github.client import GithubClient, github_of

__all__ = ["GithubClient", "github_of"]
