"""Go through the authorization code flow by hand: opens the browser, receives the callback, redeems the code.

`python -m scripts.oauth2.manual_flow --client-id ID [--client-secret SECRET] [--scope …] [--resource URL] [--port 9876]`.
The application must have the callback http://127.0.0.1:9876/callback (any port does). No session token is needed: the person
signs in in the browser. `--no-browser` only prints the address.
"""

import json
import secrets
import sys
import webbrowser
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from scripts.oauth2.pkce import make_pair
from scripts.oauth2.server import Failure, Server, parser


class Callback(HTTPServer):
    """Waits on loopback for the browser to come back once."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.answer: dict[str, str] = {}

    def wait(self) -> dict[str, str]:
        """Return the parameters of the callback."""
        while not self.answer:
            self.handle_request()
        return self.answer


class Handler(BaseHTTPRequestHandler):
    """Takes the callback and tells the person so."""

    server: Callback

    def do_GET(self) -> None:
        """Remember the parameters of the callback."""
        parts = urlsplit(self.path)
        is_callback = parts.path == "/callback"
        if is_callback:
            self.server.answer = {name: values[0] for name, values in parse_qs(parts.query).items()}
        body = b"Done. You may close this page.\n" if is_callback else b"Nothing here.\n"
        self.send_response(200 if is_callback else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the query holds the code."""


def main() -> int:
    """Run the flow and print the token answer."""
    options = parser("manual_flow", __doc__)
    options.add_argument("--client-id", required=True)
    options.add_argument("--client-secret", default="")
    options.add_argument("--scope", default="")
    options.add_argument("--resource", default="")
    options.add_argument("--port", type=int, default=9876)
    options.add_argument("--no-browser", action="store_true", help="print the address only")
    arguments = options.parse_args()
    server, pair, state = Server(arguments.url, ""), make_pair(), secrets.token_urlsafe(16)
    callback = Callback(arguments.port)
    redirect = f"http://127.0.0.1:{callback.server_port}/callback"
    wanted = {
        "response_type": "code", "client_id": arguments.client_id, "redirect_uri": redirect, "state": state,
        "scope": arguments.scope, "resource": arguments.resource,
        "code_challenge": pair.challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    try:
        metadata = server.metadata()
        address = f"{metadata['authorization_endpoint']}?{urlencode({k: v for k, v in wanted.items() if v})}"
        print(f"Open this address in a browser:\n{address}", file=sys.stderr, flush=True)
        if not arguments.no_browser:
            webbrowser.open(address)
        given = callback.wait()
        if given.get("state") != state or given.get("iss") != metadata["issuer"]:
            raise Failure("the answer is not for this request: its state or issuer is another")
        if "code" not in given:
            raise Failure(f"{given.get('error', 'no code')}: {given.get('error_description', '')}")
        form = {
            "grant_type": "authorization_code", "code": given["code"], "redirect_uri": redirect,
            "client_id": arguments.client_id, "code_verifier": pair.verifier,
        }  # fmt: skip
        if arguments.client_secret:
            form["client_secret"] = arguments.client_secret
        reply = server.post(metadata["token_endpoint"], form)
        if reply.status_code != 200:
            raise Failure(f"the token endpoint answered {reply.status_code}: {reply.text}")
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    finally:
        callback.server_close()
    print(json.dumps(reply.json(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
