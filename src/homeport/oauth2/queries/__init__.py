"""SQL of the authorization server, one module per table or two that belong together."""
