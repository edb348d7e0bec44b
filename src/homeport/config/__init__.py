"""Typed settings: one definition gives the environment names, the flags, the TOML keys and the reference page."""

from homeport.config.definitions import Settings
from homeport.config.load import SettingsError, load_settings

__all__ = ["Settings", "SettingsError", "load_settings"]
