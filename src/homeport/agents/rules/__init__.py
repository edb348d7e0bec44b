"""Pure decisions about agents."""
