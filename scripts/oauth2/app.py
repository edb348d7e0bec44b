"""Set up or clean up a test application: `python -m scripts.oauth2.app set-up`, then `… app clean-up CLIENT_ID`.

`set-up` prints what a client needs, as lines for a shell: CLIENT_ID and CLIENT_SECRET. The session must be an owner's.
"""

import sys
from typing import NamedTuple

from scripts.oauth2.server import Failure, Server, connect, parser


class App(NamedTuple):
    """A confidential client."""

    client_id: str
    client_secret: str


def set_up(server: Server, name: str, callback: str) -> App:
    """Register an application with one secret. Raises Failure."""
    app = server.api("POST", "/oauth2-provider/apps", json={"name": name, "callback_url": callback, "icon": ""})
    secret = server.api("POST", f"/oauth2-provider/apps/{app['id']}/secrets")
    return App(app["id"], secret["client_secret_full"])


def clean_up(server: Server, client_id: str) -> None:
    """Delete an application with its secrets, codes and tokens. Raises Failure."""
    server.api("DELETE", f"/oauth2-provider/apps/{client_id}")


def main() -> int:
    """Run one of the two."""
    options = parser("app", __doc__)
    verbs = options.add_subparsers(dest="verb", required=True)
    setting = verbs.add_parser("set-up", help="register an application and a secret")
    setting.add_argument("--name", default="oauth2-test")
    setting.add_argument("--callback", default="http://127.0.0.1:9876/callback")
    verbs.add_parser("clean-up", help="delete the application").add_argument("client_id")
    arguments = options.parse_args()
    try:
        server = connect(arguments)
        if arguments.verb == "set-up":
            app = set_up(server, arguments.name, arguments.callback)
            print(f"export CLIENT_ID={app.client_id}\nexport CLIENT_SECRET={app.client_secret}")
        else:
            clean_up(server, arguments.client_id)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
