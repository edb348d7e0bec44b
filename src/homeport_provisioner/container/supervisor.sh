#!/bin/sh
# Process 1 of a workspace's container: keeps its agents alive, and lets them end in order when the container is stopped.
# An agent is a file in /.homeport/agents that sets its environment; /.homeport/init brings the agent and becomes it.
# POSIX shell only: it runs in images that have little else. It reaps what agents leave behind, as process 1 has to.

folder=/.homeport
most_pause=30
steady=60
grace=10
ending=

keep() { # keep <file>: start one agent again and again until asked to end
    child=
    pause=1
    # shellcheck disable=SC2064
    trap 'ending=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT
    while [ -z "$ending" ]; do
        began=$(date +%s)
        (
            trap - TERM INT
            . "$1"
            cd "$HOME" 2>/dev/null || cd /
            exec /bin/sh "$folder/init"
        ) &
        child=$!
        [ -z "$ending" ] || kill -TERM "$child" 2>/dev/null
        while kill -0 "$child" 2>/dev/null; do
            wait "$child"
        done
        child=
        [ -z "$ending" ] || break
        [ $(($(date +%s) - began)) -le "$steady" ] || pause=1
        echo "supervisor: the agent of $1 has ended; it is started again in $pause s" >&2
        sleep "$pause" &
        wait $!
        pause=$((pause * 2))
        [ "$pause" -le "$most_pause" ] || pause=$most_pause
    done
}

keepers=
trap 'ending=1; [ -z "$keepers" ] || kill -TERM $keepers 2>/dev/null' TERM INT
for agent in "$folder"/agents/*; do
    keep "$agent" &
    keepers="$keepers $!"
done
[ -z "$ending" ] || kill -TERM $keepers 2>/dev/null
for keeper in $keepers; do
    while kill -0 "$keeper" 2>/dev/null; do
        wait "$keeper"
    done
done

# What the agents have left behind is asked to end, too, if this is process 1: then -1 means the container and nothing else.
if [ "$$" = 1 ]; then
    kill -TERM -1 2>/dev/null
    waited=0
    while [ "$waited" -lt "$grace" ]; do
        set -- /proc/[0-9]*
        [ "$#" -gt 1 ] || break
        sleep 1
        waited=$((waited + 1))
    done
fi
