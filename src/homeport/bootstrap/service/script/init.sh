#!/bin/sh
# Brings the Homeport agent to this machine and becomes it. Needs Python 3.11 or newer (the whole of it) and a way to the server.
#
#   HOMEPORT_AGENT_URL, CODER_AGENT_URL      address of the server; without them, the one that this script came with
#   HOMEPORT_AGENT_TOKEN, CODER_AGENT_TOKEN  the agent's token: what the server knows it by
#   HOMEPORT_AGENT_PYTHON                    the Python to use; without it, the first one found that is new enough
#   HOMEPORT_AGENT_CACHE                     folder for what is fetched; without it, one below ~/.cache or a folder for files that go
#   HOMEPORT_AGENT_PATIENCE                  seconds after which to give up on a server that does not answer; without it, never
set -u

server='@SERVER@'
system='@OS@'
machine='@ARCH@'
url=${HOMEPORT_AGENT_URL:-${CODER_AGENT_URL:-$server}}
url=${url%/}
token=${HOMEPORT_AGENT_TOKEN:-${CODER_AGENT_TOKEN:-}}
export HOMEPORT_AGENT_URL="$url"

fits='import sys; sys.exit(not (sys.version_info >= (3, 11) and sys.implementation.name == "cpython"))'
whole='from importlib.util import find_spec; import sys
sys.exit(not all(find_spec(name) for name in ("asyncio", "ctypes", "hashlib", "pty", "_ssl", "tarfile", "urllib", "zlib")))'

# A version manager may put commands on the path that only say "not installed": so each candidate is run, not just looked up.
find_python() {
    python= lacking= outdated=
    for candidate in "$@"; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -I -S -c "$fits" >/dev/null 2>&1; then
            if "$candidate" -I -S -c "$whole" >/dev/null 2>&1; then
                python=$candidate
                return 0
            fi
            lacking=${lacking:-$candidate}
        elif "$candidate" -c 'import json' >/dev/null 2>&1; then
            outdated=${outdated:-$candidate}
        fi
    done
    return 1
}

# Tells the agent's log in the dashboard, where the build's starter looks, why there is no agent. The token is in no command line.
report() {
    [ -n "$token" ] && [ -n "$outdated" ] || { report_by_curl "$1"; return; }
    HOMEPORT_PROBLEM=$1 HOMEPORT_AGENT_TOKEN=$token "$outdated" -c '
import json, os, time
try:
    from urllib.request import Request, urlopen
except ImportError:
    from urllib2 import Request, urlopen
line = {"created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "output": os.environ["HOMEPORT_PROBLEM"], "level": "error"}
body = json.dumps({"log_source_id": "00000000-0000-0000-0000-000000000000", "logs": [line]}).encode()
request = Request(os.environ["HOMEPORT_AGENT_URL"] + "/api/v2/workspaceagents/me/logs", body, {"Content-Type": "application/json"})
request.add_unredirected_header("Coder-Session-Token", os.environ["HOMEPORT_AGENT_TOKEN"])
request.get_method = lambda: "PATCH"
urlopen(request, timeout=10)' >/dev/null 2>&1 || report_by_curl "$1"
}

report_by_curl() { # Its words hold neither quotes nor backslashes.
    [ -n "$token" ] && command -v curl >/dev/null 2>&1 || return 0
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    printf '%s\n' "url = \"$url/api/v2/workspaceagents/me/logs\"" 'request = "PATCH"' 'header = "Content-Type: application/json"' \
        "header = \"Coder-Session-Token: $token\"" \
        "data = \"{\\\"log_source_id\\\":\\\"00000000-0000-0000-0000-000000000000\\\",\\\"logs\\\":[{\\\"created_at\\\":\\\"$now\\\",\\\"output\\\":\\\"$1\\\",\\\"level\\\":\\\"error\\\"}]}\"" |
        curl -s -m 10 -o /dev/null -K - 2>/dev/null || return 0
}

fail() {
    # The container engine looks for these words in what the container writes.
    echo "homeport: cannot start the agent: $1" >&2
    # A server learns of a new agent a moment after the agent's machine has begun.
    [ -z "$token" ] || sleep "${HOMEPORT_AGENT_REPORT_DELAY:-3}"
    report "$1"
    exit 1
}

if [ -n "${HOMEPORT_AGENT_PYTHON:-}" ]; then
    find_python "$HOMEPORT_AGENT_PYTHON"
else
    find_python python3 python3.14 python3.13 python3.12 python3.11 python /usr/local/bin/python3 /usr/bin/python3 \
        "${HOME:-/nonexistent}/.local/bin/python3" /opt/python/bin/python3
fi
if [ -z "$python" ]; then
    if [ -n "$lacking" ]; then
        fail "$lacking lacks parts of Python that the agent needs (such as ssl or asyncio). Install all of it, on Debian: apt-get install python3"
    elif [ -n "$outdated" ]; then
        version=$("$outdated" -c 'import sys; print("%d.%d" % tuple(sys.version_info[:2]))' 2>/dev/null)
        fail "The agent needs Python 3.11 or newer, and $outdated is Python ${version:-of another kind}. Put a newer one into the image, or name it by HOMEPORT_AGENT_PYTHON."
    fi
    fail "The agent needs Python 3.11 or newer, and this machine has none${HOMEPORT_AGENT_PYTHON:+ at $HOMEPORT_AGENT_PYTHON}. Put python3 into the image."
fi

bring=@BRING@
exec "$python" -I -S -c "$bring" "$system" "$machine"
