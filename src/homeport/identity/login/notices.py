"""Sentences that the sign-in page is to show: signed, so that no link makes the page say something that is not ours."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import urlencode

from homeport.kit.crypto import Cipher

_PURPOSE = "notice of the sign-in page"


def login_path(cipher: Cipher, message: str, *, redirect: str = "/") -> str:
    """Return the sign-in page that says this, and leads to a local path afterwards."""
    proof = urlsafe_b64encode(cipher.sign(_PURPOSE, message.encode())).decode().rstrip("=")
    more = {"redirect": redirect} if redirect != "/" else {}
    return "/login?" + urlencode({"message": message, **more, "proof": proof})


def is_ours(cipher: Cipher, message: str, proof: str) -> bool:
    """Tell whether a message comes from `login_path`."""
    try:
        signature = urlsafe_b64decode(proof + "=" * (-len(proof) % 4))
        return cipher.is_signed(_PURPOSE, message.encode(), signature)
    except ValueError:
        return False
