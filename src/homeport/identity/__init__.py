"""Users, passwords, API keys and sessions. Knows no organization beyond its id; organizations listen to its events."""
