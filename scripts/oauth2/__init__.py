"""Tools for OAuth applications and MCP clients of a running server; README.md says what each does."""
