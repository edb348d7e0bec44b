"""All SQL of the room, one module per table."""
