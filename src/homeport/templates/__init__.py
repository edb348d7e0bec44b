"""Templates and their versions: settings, access lists, imports, parameters and variables. Knows no workspace."""
