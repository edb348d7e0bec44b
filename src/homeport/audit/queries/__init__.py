"""SQL of audit, one module per table and question."""
