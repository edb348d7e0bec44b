"""Server side of agents. See README.md."""
