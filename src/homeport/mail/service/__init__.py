"""Writing mails into the outbox, and sending what is in it."""
