"""The engine whose workspaces are local processes."""
