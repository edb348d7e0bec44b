"""Which authorities of certificates are believed when this server asks others."""

import ssl
from functools import lru_cache

import httpx


@lru_cache(maxsize=4)
def trusted(more: str = "") -> ssl.SSLContext:
    """Return a context that believes the authorities of the HTTP library, of the system, and of the file `more`.

    Making one takes a tenth of a second, so they are kept. Raises OSError for a file that cannot be used.
    """
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    if more:
        context.load_verify_locations(cafile=more)
    return context
