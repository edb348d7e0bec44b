"""Who did what to which object, with the fields that changed.

Rooms declare their rows here, record inside their transactions, and say what a request is about lest it fail unseen.
"""

from homeport.audit.service import attempt, record
from homeport.audit.types import AuditAction, AuditResource, Declaration, declare

__all__ = ["AuditAction", "AuditResource", "Declaration", "attempt", "declare", "record"]
