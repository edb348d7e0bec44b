"""The engine that replays what a template says: for tests of everything around engines."""
