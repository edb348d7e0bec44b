"""Our own Terraform provider for the types of coder/coder."""
