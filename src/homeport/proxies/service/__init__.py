"""Use cases of the room, one module each."""
