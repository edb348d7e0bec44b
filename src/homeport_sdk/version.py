"""The one version number of every Homeport program."""

__version__ = "0.1.0"
