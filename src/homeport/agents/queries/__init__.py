"""All SQL of agents."""
