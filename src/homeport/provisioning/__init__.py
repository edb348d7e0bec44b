"""The job queue, its logs, the daemons that work on it, and their keys. Knows neither workspaces nor templates."""
