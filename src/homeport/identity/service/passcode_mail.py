"""The words of the mail with a one-time passcode. Pure."""

from datetime import timedelta
from html import escape
from urllib.parse import urlencode

from homeport.mail.types import Message

_TEXT = """\
Hello {name},

somebody asked for a new password for your account {username} at {url}.
If it was you, open this address and choose one:

{link}

Or give this code on the page {page}:

{code}

It is good for {minutes} and can be used once. Setting a new password signs you out everywhere.
If it was not you, do nothing: your password stays as it is. The request came from the address {ip}.
"""
_HTML = """\
<!doctype html>
<html lang="en"><body style="font-family: sans-serif; line-height: 1.5; max-width: 36em">
<p>Hello {name},</p>
<p>somebody asked for a new password for your account <strong>{username}</strong> at {url}. If it was you:</p>
<p><a href="{link}">Choose a new password</a></p>
<p>Or give this code on the page <a href="{page}">{page}</a>:</p>
<p><code style="font-size: 1.1em">{code}</code></p>
<p>It is good for {minutes} and can be used once. Setting a new password signs you out everywhere.</p>
<p>If it was not you, do nothing: your password stays as it is. The request came from the address {ip}.</p>
</body></html>
"""


def passcode_message(
    *, access_url: str, email: str, username: str, name: str, code: str, validity: timedelta, ip: str
) -> Message:
    """Write the mail. The code stands behind the # of the link, which browsers send to no server."""
    page = f"{access_url}/reset-password/change"
    words = {
        "name": name or username,
        "username": username,
        "url": access_url,
        "page": page,
        "link": f"{page}#{urlencode({'email': email, 'code': code})}",
        "code": code,
        "minutes": _length(validity),
        "ip": ip,
    }
    escaped = {key: escape(value) for key, value in words.items()}
    return Message("A new password for Homeport", _TEXT.format(**words), _HTML.format(**escaped))


def _length(validity: timedelta) -> str:
    minutes = max(1, round(validity.total_seconds() / 60))
    return f"{minutes} minutes" if minutes != 1 else "a minute"
