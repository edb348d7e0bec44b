"""Keeps the agents of one workspace alive. A program of its own that knows the standard library only.

It outlives the daemon that starts it. With bubblewrap it is process 1 of the workspace's own process namespace; without, it adopts every
orphan of the workspace. Its last act is that no process of the workspace is left.

Started with the number of a descriptor that holds its orders as JSON: `uid` and `gid` (null: stay), `directory`, `command`, `agents`
(a list of environments), `memory`, `processes`, `cpus` (0: no limit), `stop_seconds`, `grace_seconds`, `is_first` (process 1). It writes
`started` to its standard output once all agents run. SIGTERM: let the agents end, ask what they leave to end, kill what is left then; a
second one: kill everything now.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
PR_CAPBSET_DROP = 24
CAPABILITY_VERSION_3 = 0x20080522
FIRST_PAUSE = 0.5
MOST_PAUSE = 30.0
STEADY_SECONDS = 60.0
SWEEP_SECONDS = 10.0
_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
_RESET = [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ]


class Agent:
    """One agent: its environment, and its process while it runs."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.pid = 0
        self.began = 0.0
        self.pause = FIRST_PAUSE
        self.due = 0.0


class Supervisor:
    """Starts agents, starts them again, and ends them."""

    def __init__(self, orders: dict) -> None:  # type: ignore[type-arg]
        self.command: list[str] = orders["command"]
        self.agents = [Agent(environment) for environment in orders["agents"]]
        self.stop_seconds: float = orders["stop_seconds"]
        self.grace_seconds: float = orders["grace_seconds"]
        self.is_first: bool = orders["is_first"]
        self.stop_at: float | None = None
        self.is_hurried = False

    def run(self) -> None:
        """Serve until stopped."""
        for agent in self.agents:
            self.start(agent)
        if all(agent.pid for agent in self.agents):
            report_start()
        else:
            # Not even once: whoever waits is told why instead, and no start is reported that is none.
            self.stop()
        while not self.has_ended():
            received = signal.sigtimedwait(_WATCHED, self.seconds_until_next())
            if received is not None and received.si_signo in {signal.SIGTERM, signal.SIGINT}:
                self.stop()
            self.reap()
            for agent in self.agents:
                if self.stop_at is None and not agent.pid and time.monotonic() >= agent.due:
                    self.start(agent)
        if not any(agent.pid for agent in self.agents):
            self.ask_the_rest()
        if not self.is_first:
            end_descendants()

    def start(self, agent: Agent) -> None:
        """Start an agent's process; when that fails, it counts as one that ended at once."""
        agent.began = time.monotonic()
        try:
            agent.pid = os.posix_spawn(
                self.command[0],
                self.command,
                agent.environment,
                # Its output goes to the log: the pipe to whoever waits for the start is nobody else's.
                file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)],
                setsid=True,
                setsigmask=[],
                setsigdef=_RESET,
            )
        except OSError as error:
            say(f"the agent cannot be started: {error}")
            self.note_end(agent)

    def note_end(self, agent: Agent) -> None:
        """Plan the next start: soon after a steady life, later after each short one."""
        agent.pid = 0
        if time.monotonic() - agent.began > STEADY_SECONDS:
            agent.pause = FIRST_PAUSE
        agent.due = time.monotonic() + agent.pause
        agent.pause = min(agent.pause * 2, MOST_PAUSE)

    def stop(self) -> None:
        """Ask the agents to end; when asked before, stop waiting."""
        if self.stop_at is not None:
            self.is_hurried = True
            return
        self.stop_at = time.monotonic() + self.stop_seconds
        for agent in self.agents:
            if agent.pid:
                signal_process(agent.pid, signal.SIGTERM)

    def reap(self) -> None:
        """Collect everything that has ended, adopted orphans included."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for agent in self.agents:
                if agent.pid == pid:
                    say(f"the agent ended with status {os.waitstatus_to_exitcode(status)}")
                    self.note_end(agent)

    def ask_the_rest(self) -> None:
        """Let what the agents have left behind end by itself: what an agent started before it crashed, for instance.

        Programs end on SIGTERM; shells that people sit at ignore it and end on SIGHUP, which comes later because
        programs that know only the one would die of the other.
        """
        began = time.monotonic()
        asked: set[tuple[int, int]] = set()
        while not self.is_hurried and time.monotonic() < began + self.grace_seconds:
            self.reap()
            below = descendants(os.getpid())
            if not below:
                return
            number = signal.SIGTERM if time.monotonic() < began + self.grace_seconds / 2 else signal.SIGHUP
            for pid in below:
                if (pid, number) not in asked:
                    asked.add((pid, number))
                    signal_process(pid, number)
                    signal_process(pid, signal.SIGCONT)
            received = signal.sigtimedwait(_WATCHED, 0.05)
            if received is not None and received.si_signo in {signal.SIGTERM, signal.SIGINT}:
                self.stop()

    def has_ended(self) -> bool:
        """Whether it was stopped, and the agents are gone or their time is over."""
        if self.stop_at is None:
            return False
        return self.is_hurried or time.monotonic() >= self.stop_at or not any(agent.pid for agent in self.agents)

    def seconds_until_next(self) -> float:
        """How long nothing can happen that no signal tells of."""
        now = time.monotonic()
        moments = [agent.due for agent in self.agents if not agent.pid and self.stop_at is None]
        moments += [] if self.stop_at is None else [self.stop_at]
        return max(min((moment - now for moment in moments), default=3600.0), 0.01)


def main() -> int:
    """Read the orders, give up all powers, serve."""
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        orders = json.load(file)
    for number in _WATCHED:
        # With a handler and blocked, they wait for `sigtimedwait`, for process 1 too.
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    libc = ctypes.CDLL(None, use_errno=True)
    if not orders["is_first"]:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    if orders["uid"] is not None:
        give_up_root(libc, orders["uid"], orders["gid"])
    os.umask(0o022)
    os.chdir(orders["directory"])
    limit(memory=orders["memory"], processes=orders["processes"], cpus=orders["cpus"])
    supervisor = Supervisor(orders)
    supervisor.run()
    return 0


def give_up_root(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    """Become an ordinary user for ever."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    # The inheritable set survives a change of user; it is of little use, and nothing is of less.
    libc.capset((ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def limit(*, memory: int, processes: int, cpus: int) -> None:
    """Set limits that everything started from here inherits and nobody can raise."""
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    if processes:
        resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    available = sorted(os.sched_getaffinity(0))
    if 0 < cpus < len(available):
        begin = os.getpid() if os.getpid() > 1 else int(time.monotonic() * 1000)
        os.sched_setaffinity(0, [available[(begin + number) % len(available)] for number in range(cpus)])


def report_start() -> None:
    """Tell whoever waits, then let go of its pipe: from here on output goes where errors go."""
    os.write(1, b"started\n")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)


def end_descendants() -> None:
    """Kill everything below this process. Stopping first keeps a process from making another while it dies."""
    give_up_at = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < give_up_at:
        below = descendants(os.getpid())
        if not below:
            return
        for pid in below:
            signal_process(pid, signal.SIGSTOP)
        for pid in below:
            signal_process(pid, signal.SIGKILL)
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break
        signal.sigtimedwait({signal.SIGCHLD}, 0.02)


def descendants(root: int) -> list[int]:
    """List every process below `root` that is not yet collected.

    Twice when there is none: a process whose parent ends between our two looks at them belongs to nobody for that moment.
    """
    return find_descendants(root) or find_descendants(root)


def find_descendants(root: int) -> list[int]:
    """Look once."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def signal_process(pid: int, number: int) -> None:
    """Send a signal; a process that is gone is no error."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def say(*words: str) -> None:
    """Write a line to the workspace's log."""
    print("supervisor:", *words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
