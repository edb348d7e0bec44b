"""Workspaces made by Terraform: the real program, run for templates that nobody needs to trust with its state."""
