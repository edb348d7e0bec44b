"""What Prometheus learns about the queue."""

from homeport.telemetry.metrics import counter, gauge, histogram

_MINUTES = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

queue_depth = gauge("provisioner_jobs_pending", "Jobs that wait for a daemon.", ["provisioner"])
wait_seconds = histogram("provisioner_job_wait_seconds", "Time from insert to acquire.", ["type"], _MINUTES)
job_seconds = histogram("provisioner_job_seconds", "Time from acquire to end.", ["type", "status"], _MINUTES)
returned = counter("provisioner_jobs_returned", "Jobs taken back from daemons that never reported.")
reaped = counter("provisioner_jobs_reaped", "Jobs that the reaper has ended.", ["cause"])
