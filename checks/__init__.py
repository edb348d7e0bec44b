"""The project's own rules, on the syntax trees of its files: what linters do not know. `python -m checks` runs them."""
