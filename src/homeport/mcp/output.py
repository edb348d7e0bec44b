"""What a command printed, bounded: the beginning and the end are kept, since agents need both, and what is between is not."""

import codecs


class Output:
    """Collects bytes of two streams in the order of their arrival, decoded as UTF-8."""

    def __init__(self, most: int) -> None:
        """At most `most` characters are kept."""
        self._half = most // 2
        self._head = ""
        self._tail = ""
        self.omitted = 0
        self.received = 0

    def add(self, text: str) -> None:
        """Take more."""
        self.received += len(text)
        room = self._half - len(self._head)
        if room > 0:
            self._head += text[:room]
            text = text[room:]
        self._tail += text
        if len(self._tail) > 2 * self._half:
            self._cut()

    def text(self) -> str:
        """Return what is kept, with a line that says how much is not."""
        self._cut()
        if not self.omitted:
            return self._head + self._tail
        return f"{self._head}\n[... {self.omitted} characters are left out here ...]\n{self._tail}"

    def _cut(self) -> None:
        excess = len(self._tail) - self._half
        if excess > 0:
            self.omitted += excess
            self._tail = self._tail[excess:]


def decoder() -> codecs.IncrementalDecoder:
    """Return a decoder for one stream: a character may be split between two reads, and what is none becomes U+FFFD."""
    return codecs.getincrementaldecoder("utf-8")("replace")
