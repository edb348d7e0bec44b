"""All types of the provider, and its own configuration."""

from homeport_terraform_provider.data.parameter import PARAMETER
from homeport_terraform_provider.data.wishes import PRESET, SCRIPT_ORDER, TAGS
from homeport_terraform_provider.data.workspace import EXTERNAL_AUTH, OWNER, PROVISIONER, TASK, WORKSPACE
from homeport_terraform_provider.kinds import Provider
from homeport_terraform_provider.resources.agent import AGENT
from homeport_terraform_provider.resources.belongings import (
    AGENT_INSTANCE,
    APP,
    DEVCONTAINER,
    ENV,
    EXTERNAL_AGENT,
    SCRIPT,
)
from homeport_terraform_provider.resources.others import AI_TASK, METADATA
from homeport_terraform_provider.schema import BOOL, Block, ignored, optional

CODER = Provider(
    block=Block(attributes={"url": optional(), "feature_use_managed_variables": ignored(BOOL)}),
    resources={
        "coder_agent": AGENT,
        "coder_agent_instance": AGENT_INSTANCE,
        "coder_ai_task": AI_TASK,
        "coder_app": APP,
        "coder_devcontainer": DEVCONTAINER,
        "coder_env": ENV,
        "coder_external_agent": EXTERNAL_AGENT,
        "coder_metadata": METADATA,
        "coder_script": SCRIPT,
    },
    data_sources={
        "coder_external_auth": EXTERNAL_AUTH,
        "coder_parameter": PARAMETER,
        "coder_provisioner": PROVISIONER,
        "coder_script_order": SCRIPT_ORDER,
        "coder_task": TASK,
        "coder_workspace": WORKSPACE,
        "coder_workspace_owner": OWNER,
        "coder_workspace_preset": PRESET,
        "coder_workspace_tags": TAGS,
    },
)
