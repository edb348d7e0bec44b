"""All SQL of SCIM: the translation of filters, and the reads and writes of accounts and groups."""
