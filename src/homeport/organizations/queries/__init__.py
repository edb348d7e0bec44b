"""All SQL of organizations, one module per table."""
