"""The bundled Terraform provider, seen from outside: its environment, and how Terraform finds it."""
