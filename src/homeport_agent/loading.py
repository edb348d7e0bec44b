"""Importing much in little time: an agent's start is nearly nothing else."""

import ctypes.util
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import what the agent needs, inside of this.

    Nothing of it is garbage, so nothing is collected, then or later. And asyncssh looks for a library (liboqs, for one more
    key exchange) by starting the linker and the compiler of the machine: it is told that there is none.
    """
    search, collects = ctypes.util.find_library, gc.isenabled()
    ctypes.util.find_library = lambda name: None if name in {"oqs", "liboqs"} else search(name)
    gc.disable()
    try:
        yield
    finally:
        ctypes.util.find_library = search
        gc.freeze()
        if collects:
            gc.enable()
