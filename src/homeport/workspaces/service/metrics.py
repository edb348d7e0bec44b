"""What Prometheus learns about builds."""

from homeport.telemetry.metrics import counter

builds = counter("workspace_builds", "Builds that have ended.", ["transition", "status"])
