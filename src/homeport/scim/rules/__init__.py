"""Decisions of SCIM as pure functions."""
