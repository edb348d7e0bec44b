"""What tests share: the database, the clock, names, logs, identities."""
