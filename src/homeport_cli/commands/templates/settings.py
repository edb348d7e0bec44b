"""`templates edit` and `templates archive`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from homeport_cli import context
from homeport_cli.commands.templates.reading import NameArgument
from homeport_cli.durations import milliseconds, parse_duration
from homeport_cli.errors import CliError
from homeport_cli.output import Format, OutputOption, YesOption, print_json
from homeport_cli.templates import TemplateOrganizationOption, find_template

if TYPE_CHECKING:
    from homeport_sdk.client import Client
    from homeport_sdk.models import Template

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
TextOption = str | None
SwitchOption = bool | None


class Days(msgspec.Struct, frozen=True):
    """On which days workspaces may start, and on which they have to stop; None stays as it is."""

    starts: list[str] | None = None
    stops: list[str] | None = None
    weeks: int | None = None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("edit")(edit)
    app.command("archive")(archive)


def edit(
    name: NameArgument,
    new_name: Annotated[TextOption, typer.Option("--name", help="New name.")] = None,
    display_name: Annotated[TextOption, typer.Option("--display-name", help="What people see.")] = None,
    description: Annotated[TextOption, typer.Option("--description", help="What it is for.")] = None,
    icon: Annotated[TextOption, typer.Option("--icon", help="Path of a picture.")] = None,
    deprecated: Annotated[
        TextOption, typer.Option("--deprecated", help="Why nothing new shall be made of it; '' to take that back.")
    ] = None,
    default_ttl: Annotated[
        TextOption, typer.Option("--default-ttl", help="Stop workspaces this long after their start, like 8h; 0 never.")
    ] = None,
    activity_bump: Annotated[
        TextOption, typer.Option("--activity-bump", help="How much longer a workspace in use runs, like 1h.")
    ] = None,
    failure_ttl: Annotated[
        TextOption, typer.Option("--failure-ttl", help="Stop what failed to start this long after it; 0 never.")
    ] = None,
    dormancy: Annotated[
        TextOption,
        typer.Option("--dormancy-threshold", help="Make unused workspaces dormant after this long; 0 never."),
    ] = None,
    deletion: Annotated[
        TextOption, typer.Option("--dormancy-auto-deletion", help="Delete dormant ones after this long; 0 never.")
    ] = None,
    can_autostart: Annotated[
        SwitchOption,
        typer.Option("--allow-user-autostart/--no-allow-user-autostart", help="People choose start times."),
    ] = None,
    can_autostop: Annotated[
        SwitchOption, typer.Option("--allow-user-autostop/--no-allow-user-autostop", help="People choose stop times.")
    ] = None,
    can_cancel: Annotated[
        SwitchOption,
        typer.Option(
            "--allow-user-cancel-workspace-jobs/--no-allow-user-cancel-workspace-jobs", help="People cancel builds."
        ),
    ] = None,
    is_active_required: Annotated[
        SwitchOption,
        typer.Option("--require-active-version/--no-require-active-version", help="Starts take the active version."),
    ] = None,
    is_classic: Annotated[
        SwitchOption,
        typer.Option(
            "--use-classic-parameter-flow/--no-use-classic-parameter-flow",
            help="Forms of other clients do not change while they are filled in.",
        ),
    ] = None,
    start_days: Annotated[
        TextOption,
        typer.Option(
            "--autostart-requirement-weekdays",
            help="Days on which workspaces may start by themselves, like monday,friday; all.",
        ),
    ] = None,
    stop_days: Annotated[
        TextOption,
        typer.Option(
            "--autostop-requirement-weekdays", help="Days on which workspaces stop in quiet hours, like sunday; none."
        ),
    ] = None,
    stop_weeks: Annotated[
        int | None, typer.Option("--autostop-requirement-weeks", help="Weeks between these stops; 1 for each week.")
    ] = None,
    share_level: Annotated[
        TextOption,
        typer.Option(
            "--max-port-share-level", help="Widest sharing of ports: owner, organization, authenticated, public."
        ),
    ] = None,
    cors: Annotated[
        TextOption,
        typer.Option(
            "--cors-behavior", help="Requests between apps: simple (of one owner), or passthru: the app decides."
        ),
    ] = None,
    organization: TemplateOrganizationOption = "",
    output: OutputOption = Format.TABLE,
) -> None:
    """Change a template's settings; what is left out stays as it is. Who may use it: homeport templates access."""
    changes: dict[str, Any] = {
        "name": new_name,
        "display_name": display_name,
        "description": description,
        "icon": icon,
        "deprecation_message": deprecated,
        "default_ttl_ms": _length(default_ttl, "--default-ttl"),
        "activity_bump_ms": _length(activity_bump, "--activity-bump"),
        "failure_ttl_ms": _length(failure_ttl, "--failure-ttl"),
        "time_til_dormant_ms": _length(dormancy, "--dormancy-threshold"),
        "time_til_dormant_autodelete_ms": _length(deletion, "--dormancy-auto-deletion"),
        "allow_user_autostart": can_autostart,
        "allow_user_autostop": can_autostop,
        "allow_user_cancel_workspace_jobs": can_cancel,
        "require_active_version": is_active_required,
        "use_classic_parameter_flow": is_classic,
        "max_port_share_level": share_level,
        "cors_behavior": cors,
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    days = Days(_days(start_days), _days(stop_days), stop_weeks)
    if not changes and days == Days():
        raise CliError("Nothing to change. See: homeport templates edit --help")

    async def work(client: "Client") -> "Template":
        from homeport_sdk import models  # lazy: wire types load with the call

        template = await find_template(client, name, organization)
        request = models.UpdateTemplateMeta(**changes)
        if days.starts is not None:
            request.autostart_requirement = models.TemplateAutostartRequirement(days_of_week=days.starts)
        if days.stops is not None or days.weeks is not None:
            now = template.autostop_requirement
            request.autostop_requirement = models.TemplateAutostopRequirement(
                days_of_week=now.days_of_week if days.stops is None else days.stops,
                weeks=now.weeks if days.weeks is None else days.weeks,
            )
        return await client.templates.update(template.id, request)

    changed = context.run(work)
    if output is Format.JSON:
        print_json(changed)
        return
    typer.echo(f"Changed template '{changed.name}'.", err=True)


def archive(
    name: NameArgument,
    is_all: Annotated[
        bool, typer.Option("--all", help="All versions that nothing uses, not only those whose import has failed.")
    ] = False,
    organization: TemplateOrganizationOption = "",
    is_assumed: YesOption = False,
) -> None:
    """Archive versions of a template that are neither active nor in use."""
    context.confirm(f"Archive unused versions of {name}?", is_assumed=is_assumed)

    async def work(client: "Client") -> int:
        template = await find_template(client, name, organization)
        return len(await client.templates.archive_unused(template.id, is_all=is_all))

    count = context.run(work)
    typer.echo(f"Archived {count} version{'' if count == 1 else 's'}.", err=True)


def _days(text: str | None) -> list[str] | None:
    """Return the days that a flag names; the server knows which there are."""
    if text is None:
        return None
    if text.strip().lower() in {"all", "none", ""}:
        return list(_WEEK) if text.strip().lower() == "all" else []
    return [day.strip() for day in text.split(",")]


def _length(text: str | None, flag: str) -> int | None:
    if text is None:
        return None
    return milliseconds(timedelta(0) if text.strip() == "0" else parse_duration(text, flag=flag))
