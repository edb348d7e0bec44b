"""What Terraform's own description of a plan or a state means for a workspace: pure functions over JSON and the dependency graph."""

from homeport_provisioner.terraform.reading.read import Reading, read_plan, read_state

__all__ = ["Reading", "read_plan", "read_state"]
