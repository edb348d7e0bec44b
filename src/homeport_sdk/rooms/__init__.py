"""The typed calls, one module per room of the server. A group holds the client whose calls it names."""
