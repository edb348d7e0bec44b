"""Who did what to which object, with the fields that changed.

Rooms declare their rows here and record inside their transactions.
"""

from homeport.audit.service import record
from homeport.audit.types import AuditAction, AuditResource, Declaration, declare

__all__ = ["AuditAction", "AuditResource", "Declaration", "declare", "record"]
