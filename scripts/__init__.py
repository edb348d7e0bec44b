"""Scripts of the project's own work: set-up, checks, generated files. Nothing here is installed."""
