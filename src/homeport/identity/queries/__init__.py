"""All SQL of users, keys and git keys."""
