"""Hashing and checking passwords by argon2id, in threads of their own and never more than two at once.

One check takes about 20 ms and 19 MiB (the OWASP minimum), so a burst of sign-ins queues instead of starving the server.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Hash of a random password that nobody has: accounts without a password take as long to refuse as those with one.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$OdeqiqwotM5rTDvPzLJjHQ$J9l4IojHtTmErLMyz7NGsxgw6ztoerjuPH303B5Xq+c"
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return await asyncio.get_running_loop().run_in_executor(
        _THREADS, _HASHER.hash, password.encode("utf-8", "surrogatepass")
    )


async def is_password(password: str, hashed: str) -> bool:
    """Tell whether `password` belongs to `hashed`. An empty hash (no password, no such user) costs the same and is False."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _verify, password, hashed)


def needs_rehash(hashed: str) -> bool:
    """Tell whether a hash was made with other costs than today's."""
    return _HASHER.check_needs_rehash(hashed)


def _verify(password: str, hashed: str) -> bool:
    # Longer than any password can be: the hash need not see all of it, and a difference remains a difference.
    given = password.encode("utf-8", "surrogatepass")[:4096]
    try:
        _HASHER.verify(hashed or _NOBODY, given)
    except (VerificationError, InvalidHashError):
        return False
    return bool(hashed)
