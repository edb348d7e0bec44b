"""Print a PKCE pair (RFC 7636, S256): `python -m scripts.oauth2.pkce`, with `--json` for programs."""

import argparse
import base64
import hashlib
import json
import secrets
from typing import NamedTuple


class Pair(NamedTuple):
    """A verifier, which the token request proves, and its challenge, which the authorization request shows."""

    verifier: str
    challenge: str


def make_pair() -> Pair:
    """Return a new pair; the verifier has 43 characters from 256 random bits."""
    verifier = secrets.token_urlsafe(32)
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return Pair(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"))


def main() -> None:
    """Print a pair."""
    parser = argparse.ArgumentParser(prog="python -m scripts.oauth2.pkce", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    pair = make_pair()
    if parser.parse_args().json:
        print(
            json.dumps(
                {"code_verifier": pair.verifier, "code_challenge": pair.challenge, "code_challenge_method": "S256"}
            )
        )
    else:
        print(f"code_verifier={pair.verifier}\ncode_challenge={pair.challenge}\ncode_challenge_method=S256")


if __name__ == "__main__":
    main()
