"""`login`, `logout`, `whoami`."""

import os
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from homeport_cli import context
from homeport_cli.errors import CliError
from homeport_cli.output import Format, OutputOption, print_json, print_table
from homeport_cli.prompts import ask
from homeport_cli.store import first_of
from homeport_sdk.errors import ApiError

if TYPE_CHECKING:
    from homeport_sdk.client import Client

_LOCAL = ("localhost", "127.", "[::1]")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("login")(login)
    app.command("logout")(logout)
    app.command("whoami")(whoami)


def login(
    url: Annotated[str, typer.Argument(help="Address of the server; the remembered one when left out.")] = "",
    email: Annotated[
        str, typer.Option("--first-user-email", help="Email of the first user. [HOMEPORT_FIRST_USER_EMAIL]")
    ] = "",
    username: Annotated[
        str, typer.Option("--first-user-username", help="Username of the first user. [HOMEPORT_FIRST_USER_USERNAME]")
    ] = "",
    full_name: Annotated[
        str, typer.Option("--first-user-full-name", help="Full name of the first user. [HOMEPORT_FIRST_USER_FULL_NAME]")
    ] = "",
    password: Annotated[
        str,
        typer.Option(
            "--first-user-password",
            help="Password of the first user. [HOMEPORT_FIRST_USER_PASSWORD, safer than the flag]",
        ),
    ] = "",
    is_trial: Annotated[bool, typer.Option("--first-user-trial", hidden=True)] = False,
    token: Annotated[str, typer.Option("--token", help="Sign in with this token instead of a password.")] = "",
) -> None:
    """Sign in, and make the first user of a fresh deployment.

    Without a terminal the first user comes from flags or the environment (HOMEPORT_FIRST_USER_…, CODER_FIRST_USER_…); where there is
    a user already, the same email and password sign in.
    """
    address = normalize_url(url or context.current.url)
    context.current.url_flag = address
    given = token or context.current.token_flag
    known = {"email": email, "username": username, "full_name": full_name, "password": password}
    answers = {name: value or _from_environment(name) for name, value in known.items()}
    is_trial = is_trial or _from_environment("trial").lower() in {"1", "true", "yes"}

    async def work(client: "Client") -> str:
        await client.deployment.build_info()
        if given:
            return given
        if await _has_users(client):
            return await _sign_in(client, answers)
        return await _make_first_user(client, answers, is_trial=is_trial)

    session = context.run(work, is_anonymous=True)
    context.current.token_flag = session
    user = context.run(lambda client: client.users.get())
    context.current.store.save(url=address, token=session)
    typer.echo(f"Signed in at {address} as {user.username}.", err=True)


def logout() -> None:
    """End the session and forget it."""
    try:
        context.run(lambda client: client.users.logout())
    except ApiError as error:
        if error.status != 401:
            raise
    context.current.store.forget()
    typer.echo("Signed out.", err=True)


def whoami(output: OutputOption = Format.TABLE) -> None:
    """Say who is signed in, and where."""
    user = context.run(lambda client: client.users.get())
    if output is Format.JSON:
        print_json({"url": context.current.url, **{name: getattr(user, name) for name in user.__struct_fields__}})
        return
    roles = ", ".join(role.display_name or role.name for role in user.roles) or "Member"
    print_table([[context.current.url, user.username, user.email, roles]], ["url", "username", "email", "roles"])


def normalize_url(text: str) -> str:
    """Return the address with its scheme and without a slash at its end. Raises CliError."""
    text = text.strip().rstrip("/")
    if not text:
        raise CliError("Which server? Run: homeport login URL")
    if "://" not in text:
        text = ("http://" if text.startswith(_LOCAL) else "https://") + text
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise CliError(f"'{text}' is not the address of a server. Write it like https://homeport.example.com.")
    return text.removesuffix("/api/v2")


def _from_environment(name: str) -> str:
    names = (f"HOMEPORT_FIRST_USER_{name.upper()}", f"CODER_FIRST_USER_{name.upper()}")
    return first_of(os.environ, names)


async def _has_users(client: "Client") -> bool:
    try:
        await client.users.check_first()
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True


async def _sign_in(client: "Client", answers: dict[str, str]) -> str:
    from homeport_sdk import models  # lazy: wire types load with the call

    methods = await client.users.auth_methods()
    has_providers = methods.github.enabled or methods.oidc.enabled
    email = answers["email"]
    if methods.password.enabled and not email:
        if has_providers and context.is_interactive():
            typer.echo("Leave the email empty to sign in in the browser.", err=True)
        flag = "--token, or --first-user-email and --first-user-password"
        email = ask("Email", flag=flag, default="" if has_providers else None)
    if not email:
        return ask(f"Open {client.url}/cli-auth, then paste the token here", flag="--token", is_hidden=True)
    password = answers["password"] or ask("Password", flag="--token", is_hidden=True)
    answer = await client.users.login(models.LoginWithPasswordRequest(email=email, password=password))
    return answer.session_token


async def _make_first_user(client: "Client", answers: dict[str, str], *, is_trial: bool) -> str:
    from homeport_sdk import models  # lazy: wire types load with the call

    if context.is_interactive():
        typer.echo("There is no user yet. Make the first one; it owns the deployment.", err=True)
    email = answers["email"] or ask("Email", flag="--first-user-email")
    default = email.partition("@")[0]
    username = answers["username"] or ask("Username", flag="--first-user-username", default=default)
    name = answers["full_name"] or (
        ask("Full name", flag="--first-user-full-name", default="") if context.is_interactive() else ""
    )
    password = answers["password"] or ask(
        "Password", flag="--first-user-password or HOMEPORT_FIRST_USER_PASSWORD", is_hidden=True, is_confirmed=True
    )
    request = models.CreateFirstUserRequest(
        email=email, username=username, name=name, password=password, trial=is_trial
    )
    await client.users.create_first(request)
    answer = await client.users.login(models.LoginWithPasswordRequest(email=email, password=password))
    typer.echo(f"Made the first user, {username}.", err=True)
    return answer.session_token
