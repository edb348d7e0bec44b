"""Use cases of SCIM."""
