"""Resource types."""
