"""Logs and metrics. Rooms declare their own metrics next to their code.

This room only holds the registry and the format.
"""
