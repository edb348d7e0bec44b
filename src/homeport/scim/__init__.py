"""SCIM 2.0: an identity provider keeps accounts and groups here. See README.md."""
