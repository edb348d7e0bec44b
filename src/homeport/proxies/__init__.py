"""Workspace proxies: where they are, and which hosts applications of workspaces have."""
