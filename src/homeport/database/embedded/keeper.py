"""The process between a Homeport server and its PostgreSQL: it starts it, restarts it after a crash, and ends it.

Run as `python -I -S keeper.py`, standard library only. The first line of standard input is its configuration (JSON, see
`EmbeddedPostgres._config`). After that standard input is a pipe that the server holds: `stop` asks for an orderly end,
end-of-file means that the server is gone, however it went. Standard output carries events, one JSON object a line:
`ready` {pid}, `exited` {status, is_expected}, `failed` {reason}.

The keeper runs as the server's user, PostgreSQL and initdb as the accounts of the configuration. To them the data
folder is `/proc/self/cwd`: it is entered before the change of account, so it may lie below folders that the account
cannot pass.
"""

import ctypes
import fcntl
import json
import os
import select
import signal
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_HERE = "/proc/self/cwd"
_ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin", "TZ": "UTC"}

# Patience in seconds.
_LOCK_POLITE, _LOCK_QUIT, _LOCK_END = 4.0, 7.0, 20.0
_FAST_WHEN_ORPHANED, _FAST_WHEN_ASKED, _IMMEDIATE = 1.2, 60.0, 2.0
_SETTLED = 10.0
_MOST_CRASHES = 5


class Failure(Exception):
    """PostgreSQL cannot be run; the text is for the operator."""


class OwnerGone(Exception):
    """The server ended (or asked us to end) while we were preparing."""


class Keeper:
    """One postmaster at a time, and the lock that its processes inherit."""

    def __init__(self, config: dict) -> None:  # type: ignore[type-arg]  # JSON, described by the server's `_config`
        self.config = config
        self.data: str = config["data"]
        self.pid = 0
        self.is_asked = False
        self.is_orphaned = False
        self._libc = ctypes.CDLL(None, use_errno=True)
        # Processes that outlive their postmaster become our children, so that they can be told from those of a successor.
        self._libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        # The end of a child wakes `sleep`, so that waiting costs nothing.
        self._ended, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    # --- the life of a server

    def run(self) -> None:
        """Keep PostgreSQL running until the server goes. Raises Failure or OwnerGone."""
        crashes = 0
        while True:
            lock = self.take_lock()
            if self.config["is_new"]:
                self.initialize(lock)
                self.config["is_new"] = False
            self.clear_traces()
            started = time.monotonic()
            self.start(lock)
            os.close(lock)
            status = self.watch()
            if status is None:
                return
            report("exited", status=status, is_expected=False)
            crashes = crashes + 1 if time.monotonic() - started < _SETTLED else 1
            if crashes > _MOST_CRASHES:
                raise Failure("PostgreSQL keeps ending right after its start. " + self.log_tail())

    def take_lock(self) -> int:
        """Wait until no process of an earlier PostgreSQL lives, helping those along that have lost their keeper."""
        descriptor = os.open(self.config["lock"], os.O_RDWR | os.O_CREAT, 0o600)
        begin = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                return descriptor
            waited = time.monotonic() - begin
            if waited > _LOCK_END:
                raise Failure("An earlier PostgreSQL on this data folder does not end.")
            if self.pid or waited > _LOCK_POLITE:
                # Of our own crashed postmaster nothing may live on; of a stranger's we wait first.
                for pid in postgres_processes(self.data):
                    kill(pid, signal.SIGKILL if waited > _LOCK_QUIT or (self.pid and waited > 1) else signal.SIGQUIT)
            self.sleep(0.02)

    def initialize(self, lock: int) -> None:
        """Make a new cluster beside its final place and move it there when it is whole."""
        import shutil  # lazy: only the first start needs it

        work, account = self.config["work"], self.config["initial_account"]
        shutil.rmtree(work, ignore_errors=True)
        os.mkdir(work, 0o700)
        data, password = os.path.join(work, "data"), os.path.join(work, "password")
        os.mkdir(data, 0o700)
        with open(password, "w") as file:
            file.write(self.config["password"] + "\n")
        for path in (work, data, password):
            give(path, account)
        argv = [self.config["initdb"], "-D", _HERE, "--pwfile=../password", *self.config["initdb_options"]]
        pid = self.spawn(argv, cwd=data, account=account, lock=lock)
        try:
            while (status := reap(pid)) is None:
                self.sleep(0.01)
        except OwnerGone:
            kill(pid, signal.SIGKILL)
            shutil.rmtree(work, ignore_errors=True)
            raise
        if status != 0:
            raise Failure("The database could not be initialized. " + self.log_tail())
        os.unlink(password)
        for folder, folders, files in os.walk(data):
            for name in folders + files:
                give(os.path.join(folder, name), self.config["account"])
        give(data, self.config["account"])
        os.rename(data, self.data)
        shutil.rmtree(work, ignore_errors=True)
        parent = os.open(os.path.dirname(self.data), os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)

    def clear_traces(self) -> None:
        """Remove the pid file of a PostgreSQL that is gone; refuse when one runs that nobody of us started."""
        if pids := postgres_processes(self.data):
            raise Failure(
                f"A PostgreSQL that Homeport did not start (process {pids[0]}) runs on {self.data}. Stop it first."
            )
        sockets = self.config["socket_folder"]
        for path in (
            os.path.join(self.data, "postmaster.pid"),
            *(os.path.join(sockets, n) for n in os.listdir(sockets)),
        ):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass

    def start(self, lock: int) -> None:
        """Start the postmaster, which hands `lock` down to all its processes."""
        argv = [self.config["postgres"], "-D", _HERE]
        for name, value in self.config["settings"].items():
            argv += ["-c", f"{name}={value}"]
        self.pid = self.spawn(argv, cwd=self.data, account=self.config["account"], lock=lock)

    def watch(self) -> "int | None":
        """Return the exit status when PostgreSQL crashed, None when it ended because it had to."""
        is_ready = False
        was_ready = self.config.get("was_ready", False)
        while True:
            if (status := reap(self.pid)) is not None:
                if not is_ready and not was_ready:
                    raise Failure("PostgreSQL does not start. " + self.log_tail())
                return status
            if not is_ready and self.has_started():
                is_ready = self.config["was_ready"] = True
                report("ready", pid=self.pid)
            try:
                self.sleep(None if is_ready else 0.005)
            except OwnerGone:
                self.stop()
                return None

    def has_started(self) -> bool:
        """Whether our postmaster has written that it takes connections (8th line of its pid file)."""
        try:
            with open(os.path.join(self.data, "postmaster.pid")) as file:
                lines = file.read().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def stop(self) -> None:
        """End PostgreSQL: fast (it closes the books), then immediate (the next start recovers), then by force."""
        patience = _FAST_WHEN_ASKED if self.is_asked else _FAST_WHEN_ORPHANED
        for number, seconds in ((signal.SIGINT, patience), (signal.SIGQUIT, _IMMEDIATE), (signal.SIGKILL, 5.0)):
            kill(self.pid, number)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if (status := reap(self.pid)) is not None:
                    self.end_left_over()
                    report("exited", status=status, is_expected=True)
                    return
                time.sleep(0.01)
                if not self.is_orphaned and self.is_asked and select.select([0], [], [], 0)[0] and not os.read(0, 64):
                    self.is_orphaned = True
                    end = min(end, time.monotonic() + _FAST_WHEN_ORPHANED)

    def end_left_over(self) -> None:
        """Kill what has outlived our postmaster. The next server's may run already: it is no child of ours."""
        for pid in postgres_processes(self.data):
            if parent_of(pid) == os.getpid():
                kill(pid, signal.SIGKILL)

    # --- processes

    def spawn(self, argv: "list[str]", *, cwd: str, account: "list[int] | None", lock: int) -> int:
        """Start a program that ends when we end, that holds `lock`, and whose output goes to the log."""
        log = os.open(self.config["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        keeper = os.getpid()
        pid = os.fork()
        if pid:
            os.close(log)
            return pid
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.set_inheritable(lock, True)
            os.chdir(cwd)
            os.umask(0o077)
            if account is not None:
                os.setgroups([])
                os.setresgid(account[1], account[1], account[1])
                os.setresuid(account[0], account[0], account[0])
            # After the change of account, which clears it. Interrupt is PostgreSQL's fast shutdown.
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            if os.getppid() == keeper:
                os.execve(argv[0], argv, _ENVIRONMENT)  # noqa: S606  # an absolute path and a list
        except OSError as error:
            os.write(2, f"{argv[0]}: {error}\n".encode())
        finally:
            os._exit(127)

    def sleep(self, seconds: "float | None") -> None:
        """Wait a moment or until a child ends; raises OwnerGone as soon as the server is gone or asks for the end."""
        readable = select.select([0, self._ended], [], [], seconds)[0]
        if self._ended in readable:
            os.read(self._ended, 4096)
        if 0 in readable:
            if os.read(0, 64):
                self.is_asked = True
            else:
                self.is_orphaned = True
            raise OwnerGone

    def log_tail(self) -> str:
        """Return the last lines of PostgreSQL's log, for an error message."""
        try:
            with open(self.config["log"], errors="replace") as file:
                return "Its last words: " + " | ".join(file.read()[-2000:].splitlines()[-6:])
        except OSError:
            return ""


def postgres_processes(data: str) -> "list[int]":
    """Return the processes named postgres that run inside the data folder: known by what they are, not by a file."""
    try:
        here = os.stat(data)
    except FileNotFoundError:
        return []
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            place = os.stat(f"/proc/{name}/cwd")
            if (place.st_dev, place.st_ino) != (here.st_dev, here.st_ino):
                continue
            program = os.path.basename(os.readlink(f"/proc/{name}/exe"))
        except OSError:
            continue
        if program.removesuffix(" (deleted)") == "postgres":
            found.append(int(name))
    return found


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 when it is gone: the fourth field of its stat, behind the name in brackets."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def give(path: str, account: "list[int] | None") -> None:
    """Change the owner of a file. Raises Failure where this container's root may not."""
    if account is not None:
        try:
            os.lchown(path, account[0], account[1])
        except OSError as error:
            raise Failure(
                f"PostgreSQL must not run as root, and root cannot hand files to user {account[0]} here ({error}). "
                "Run Homeport as another user or set HOMEPORT_PG_CONNECTION_URL."
            ) from error


def kill(pid: int, number: int) -> None:
    """Send a signal; a process that is gone needs none."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def reap(pid: int) -> "int | None":
    """Return the exit status of a child that has ended (negative: the signal), None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def report(event: str, **facts: object) -> None:
    """Tell the server; when it is gone nobody needs to know."""
    try:
        os.write(1, json.dumps({"event": event, **facts}).encode() + b"\n")
    except OSError:
        pass


def main() -> None:
    """Read the configuration and keep PostgreSQL until the server goes."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    keeper = Keeper(json.loads(read_line()))
    try:
        keeper.run()
    except OwnerGone:
        pass
    except Failure as failure:
        report("failed", reason=str(failure))
    except OSError as error:
        report("failed", reason=f"The database could not be started: {error}")
    finally:
        remove_sockets(keeper.config["socket_folder"])


def read_line() -> bytes:
    """Read up to the end of the line and not one byte further: what follows is looked at by `sleep`."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)


def remove_sockets(folder: str) -> None:
    """Remove the socket's folder."""
    try:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        pass


if __name__ == "__main__":
    main()
