"""Mails to people: an outbox in the database, and what carries it to a mail server."""
