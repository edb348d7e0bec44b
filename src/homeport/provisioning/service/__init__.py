"""Use cases of the queue. Upper rooms import from here."""

from homeport.provisioning.rules import normalize_tags as provisioner_tags
from homeport.provisioning.service.acquire import Acquirer
from homeport.provisioning.service.jobs import cancel_job, complete_job, fail_job, get_job, insert_job
from homeport.provisioning.service.logs import follow_logs, format_text, list_logs, list_timings
from homeport.provisioning.service.views import job_views, lacks_isolation, matched_provisioners

__all__ = [
    "Acquirer",
    "cancel_job",
    "complete_job",
    "fail_job",
    "follow_logs",
    "format_text",
    "get_job",
    "insert_job",
    "job_views",
    "lacks_isolation",
    "list_logs",
    "list_timings",
    "matched_provisioners",
    "provisioner_tags",
]
