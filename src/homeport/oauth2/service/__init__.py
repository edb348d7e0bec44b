"""Use cases of the authorization server, one module each."""
