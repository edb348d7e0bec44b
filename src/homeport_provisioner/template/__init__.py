"""The template format of the process and container engines: `homeport.yaml` (docs/templates.md)."""

from homeport_provisioner.template.plan import plan_environment, plan_resources
from homeport_provisioner.template.reading import FILE_NAME, TemplateError, read_template, read_variables
from homeport_provisioner.template.shape import AgentPlan, Limits, Template
from homeport_provisioner.template.values import Values

__all__ = [
    "FILE_NAME",
    "AgentPlan",
    "Limits",
    "Template",
    "TemplateError",
    "Values",
    "plan_environment",
    "plan_resources",
    "read_template",
    "read_variables",
]
