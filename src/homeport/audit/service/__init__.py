"""Use cases of audit: recording, reading, and the connection log."""

from homeport.audit.service.attempts import attempt
from homeport.audit.service.connection_reading import export_connection_logs, list_connection_logs
from homeport.audit.service.reading import export_audit_logs, list_audit_logs
from homeport.audit.service.recording import record

__all__ = [
    "attempt",
    "export_audit_logs",
    "export_connection_logs",
    "list_audit_logs",
    "list_connection_logs",
    "record",
]
