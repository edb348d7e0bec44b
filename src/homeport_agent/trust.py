"""Which certificates of servers are believed: those of the system's authorities, with what SSL_CERT_FILE and SSL_CERT_DIR say."""

import os
import ssl
from typing import Any


def tls_context() -> ssl.SSLContext:
    """Return what connections are made with. It reads the authorities when the first one needs them: over http, none does."""
    return _OnDemand(ssl.PROTOCOL_TLS_CLIENT)


class _OnDemand(ssl.SSLContext):
    _is_loaded = False

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        if not self._is_loaded:
            load_authorities(self)
            self._is_loaded = True
        return super().wrap_bio(*arguments, **options)


def load_authorities(context: ssl.SSLContext) -> None:
    """Load the system's authorities. A machine that has none, as small images, gets those that the agent brings."""
    context.set_default_verify_paths()
    if not context.cert_store_stats()["x509_ca"] and not _has_folder():
        import certifi  # lazy: most systems have their own

        context.load_verify_locations(cafile=certifi.where())


def _has_folder() -> bool:
    """Tell whether there is a folder of authorities, which is read as they are needed."""
    folder = ssl.get_default_verify_paths().capath
    try:
        return bool(folder) and any(name.endswith(".0") for name in os.listdir(folder))
    except OSError:
        return False
