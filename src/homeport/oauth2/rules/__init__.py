"""Decisions of the authorization server: pure functions, one module per standard."""
