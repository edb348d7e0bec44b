"""How much of uploads is held in memory at once: each is there as a whole while it is checked and stored."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeport.files.errors import UploadsBusy


class Memory:
    """What all uploads of this process share. An upload that sends little holds little, however slow it is."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """Give what one upload holds; it is free again at the end of the block."""
        held = Held(self)
        try:
            yield held
        finally:
            self.used -= held.size


class Held:
    """The share of one upload."""

    def __init__(self, memory: Memory) -> None:
        self.size = 0
        self._memory = memory

    def grow(self, size: int) -> None:
        """Take more. Raises UploadsBusy when there is none left."""
        if self._memory.used + size > self._memory.most:
            raise UploadsBusy
        self._memory.used += size
        self.size += size
