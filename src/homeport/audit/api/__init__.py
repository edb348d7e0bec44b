"""HTTP routes of audit."""

from typing import Any

from homeport.audit.api import connections, entries

routes: list[Any] = [*entries.routes, *connections.routes]
