"""All SQL of workspaces, by what it reads and writes."""
