"""The MCP server: tools for agents, over the same services as the API."""
