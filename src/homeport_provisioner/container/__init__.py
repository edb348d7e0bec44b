"""The engine whose workspaces are containers of Docker or Podman."""
