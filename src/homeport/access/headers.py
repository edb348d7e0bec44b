"""Headers that every answer carries, and the policy that pages carry (spec: identity 8.2).

The outermost layer of the server puts them on: answers that no route gives carry them as well.
"""

from collections.abc import Iterable

from homeport.access.rules import Headers, content_security_policy, header

_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin"))
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class SecurityHeaders:
    """What one deployment adds: nosniff and a referrer policy everywhere, the Content-Security-Policy on HTML.

    What an answer says itself stays.
    """

    def __init__(self, *, is_https: bool = False, additions: dict[str, tuple[str, ...]] | None = None) -> None:
        """`additions` are appended to our directives; over https, browsers are told to stay with it."""
        self._always = (*_ALWAYS, _STRICT_TRANSPORT) if is_https else _ALWAYS
        self._additions = additions

    def added_to(self, answer: Iterable[tuple[bytes, bytes]], request: Headers) -> Headers:
        """Return the headers of an answer to `request` with ours; those that it has already stay as they are."""
        is_page = has_policy = has_referrer_policy = False
        for name, value in answer:
            if name == b"content-type":
                is_page = value.startswith(b"text/html")
            elif name == b"content-security-policy":
                has_policy = True
            elif name == b"referrer-policy":
                has_referrer_policy = True
        # What comes last would count, and the pages that say it themselves are stricter.
        ours = [each for each in self._always if each[0] != b"referrer-policy"] if has_referrer_policy else self._always
        if not is_page or has_policy:
            return [*answer, *ours]
        policy = content_security_policy(host=header(request, b"host"), additions=self._additions)
        return [*answer, *ours, (b"content-security-policy", policy.encode())]
