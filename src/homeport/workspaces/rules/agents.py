"""What an agent's columns and the clock say about it (spec: workspaces 4.1, authorization-and-data 20)."""

from datetime import datetime, timedelta

from homeport.workspaces.types import AgentLifecycle, AgentRow, AgentStatus

# Agents report every 15 s; twice that without a word is a lost agent.
INACTIVE_AFTER = timedelta(seconds=30)

_LIFECYCLE_REASONS: dict[AgentLifecycle, str] = {
    "start_error": "agent startup script exited with an error",
    "start_timeout": "agent startup script has timed out",
    "shutting_down": "agent is shutting down",
    "shutdown_error": "agent shutdown script exited with an error",
    "shutdown_timeout": "agent shutdown script has timed out",
    "off": "agent has shut down",
}


def agent_status(agent: AgentRow, now: datetime) -> AgentStatus:
    """Return whether the agent is connected, was, has yet to come, or should have come by now."""
    if agent.first_connected_at is None or agent.last_connected_at is None:
        patience = timedelta(seconds=agent.connection_timeout_seconds)
        # A time-out of 0 means: wait without end.
        return "timeout" if patience and now - agent.created_at > patience else "connecting"
    if agent.disconnected_at is not None and agent.disconnected_at >= agent.last_connected_at:
        return "disconnected"
    return "disconnected" if now - agent.last_connected_at > INACTIVE_AFTER else "connected"


def agent_health(status: AgentStatus, lifecycle: AgentLifecycle, disconnect_reason: str = "") -> tuple[bool, str]:
    """Return whether the agent is healthy, and if not why, in words.

    An agent that is still expected, or whose start scripts still run, is not reported as failing.
    """
    if status == "timeout":
        return False, "agent is taking too long to connect" + _because(disconnect_reason)
    if status == "disconnected":
        return False, "agent has lost connection" + _because(disconnect_reason)
    if status == "connected" and lifecycle in _LIFECYCLE_REASONS:
        return False, _LIFECYCLE_REASONS[lifecycle]
    return True, ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
