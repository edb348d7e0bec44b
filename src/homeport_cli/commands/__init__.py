"""The commands, one module per group: parse, call, show."""
