"""The token endpoint: one module per grant type, `issuing` makes what they answer."""
