"""Workspaces, their builds, resources and schedules: see README.md."""
