"""SQL files: numbered migrations here, functions, views and triggers each in a file of their own below."""
