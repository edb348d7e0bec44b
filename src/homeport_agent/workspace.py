"""What every session of the agent shares."""

from collections.abc import Mapping

from homeport_agent.environment import Surroundings
from homeport_agent.processes import Processes
from homeport_agent.terminals import Terminals
from homeport_sdk.agent_protocol import RECONNECT_VARIABLE, Stats

_SESSION_TYPE = "CODER_SSH_SESSION_TYPE"


class Traffic:
    """Counts bytes and sessions for the stats report."""

    def __init__(self) -> None:
        self._rx = 0
        self._tx = 0
        self._sessions = {"vscode": 0, "jetbrains": 0, "reconnecting_pty": 0, "ssh": 0}

    def received(self, size: int) -> None:
        """Note bytes that came from a client."""
        self._rx += size

    def sent(self, size: int) -> None:
        """Note bytes that went to a client."""
        self._tx += size

    def session_began(self, variables: Mapping[str, str]) -> str:
        """Count a session; return its kind."""
        kind = variables.get(_SESSION_TYPE, "").lower()
        if kind not in self._sessions:
            kind = "reconnecting_pty" if RECONNECT_VARIABLE in variables else "ssh"
        self._sessions[kind] += 1
        return kind

    def session_ended(self, kind: str) -> None:
        """Count a session no more."""
        self._sessions[kind] -= 1

    def take(self) -> Stats:
        """Return what happened since the last call; open sessions count in every report."""
        rx, tx, self._rx, self._tx = self._rx, self._tx, 0, 0
        return Stats(
            connection_count=sum(self._sessions.values()),
            rx_bytes=rx,
            tx_bytes=tx,
            session_count_vscode=self._sessions["vscode"],
            session_count_jetbrains=self._sessions["jetbrains"],
            session_count_reconnecting_pty=self._sessions["reconnecting_pty"],
            session_count_ssh=self._sessions["ssh"],
        )


class Workspace:
    """The environment, the processes, the terminals and the counters."""

    def __init__(
        self, surroundings: Surroundings, *, processes: Processes | None = None, terminals: Terminals | None = None
    ) -> None:
        self.surroundings = surroundings
        self.processes = processes or Processes()
        self.terminals = terminals or Terminals()
        self.traffic = Traffic()
