"""A template's settings, and its end."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from homeport.database import Database
from homeport.kit.errors import HomeportError, invalid_field
from homeport.kit.routes import requires
from homeport.rbac import Subject
from homeport.templates.schemas import (
    Template,
    TemplateAutostartRequirement,
    TemplateAutostopRequirement,
    UpdateTemplateMeta,
)
from homeport.templates.service import templates
from homeport.web.forms import NO_PROBLEMS, Form, Problems, mistyped, read_form
from homeport.web.rendering import View
from homeport.web.template_place import TemplatePlace, load_template_place

_UPDATE = requires("template:update", is_page=True)
_DELETE = requires("template:delete", is_page=True)
_PATH = "/templates/{template:str}/settings"
_END = "/templates/{template:str}/delete"
_TEXTS = ("name", "display_name", "description", "icon", "deprecation_message")
# Field to milliseconds of the unit in which people give it.
_HOUR, _DAY = 3_600_000, 86_400_000
_LENGTHS = {
    "default_ttl_ms": _HOUR,
    "activity_bump_ms": _HOUR,
    "failure_ttl_ms": _HOUR,
    "time_til_dormant_ms": _DAY,
    "time_til_dormant_autodelete_ms": _DAY,
}
_SWITCHES = (
    "allow_user_autostart",
    "allow_user_autostop",
    "allow_user_cancel_workspace_jobs",
    "require_active_version",
    "use_classic_parameter_flow",
)
_CHOICES = ("max_port_share_level", "cors_behavior")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KNOWN = frozenset({*_TEXTS, *_LENGTHS, *_SWITCHES, *_CHOICES, "weeks"})
_LONGEST = 9
Page = Response[str] | Redirect


@get(_PATH, opt=_UPDATE, include_in_schema=False)
async def show_settings(view: View, template: str, db: Database, subject: Subject) -> Response[str]:
    """Show the settings as a form; for whoever may not change them they are to be read."""
    place = await _load(view, db, subject, template)
    return _page(view, place, _values(place.template), NO_PROBLEMS)


@post(_PATH, opt=_UPDATE, include_in_schema=False, status_code=200)
async def save_settings(view: View, template: str, db: Database, subject: Subject) -> Page:
    """Change what the form says; a length of time that it leaves empty is 0, which is never."""
    form = await read_form(view.request)
    place = await _load(view, db, subject, template)
    try:
        request = _request(form, place.template)
        changed = await templates.update_template(db, subject=subject, template_id=place.template.id, request=request)
    except HomeportError as error:
        problems = Problems(error, known=_KNOWN)
        return _page(view, place, _values(place.template) | _sent(form), problems)
    async with db.connection() as conn:
        place = await load_template_place(view, conn, subject, changed.name, "settings")
    return view.go(place.address("/settings", notice="template-changed"))


@get(_END, opt=_DELETE, include_in_schema=False)
async def confirm_deletion(view: View, template: str, db: Database, subject: Subject) -> Response[str]:
    """Ask whether the template shall really go."""
    return _question(view, await _load(view, db, subject, template), NO_PROBLEMS)


@post(_END, opt=_DELETE, include_in_schema=False, status_code=200)
async def delete_template(view: View, template: str, db: Database, subject: Subject) -> Page:
    """Delete a template whose name was typed in."""
    form = await read_form(view.request)
    place = await _load(view, db, subject, template)
    if form.text("confirm") != place.template.name:
        return _question(view, place, mistyped("template"))
    try:
        await templates.delete_template(db, subject=subject, template_id=place.template.id)
    except HomeportError as error:
        return _question(view, place, Problems(error, known=frozenset({"confirm"})))
    return view.go("/templates?notice=template-gone")


async def _load(view: View, db: Database, subject: Subject, template: str) -> TemplatePlace:
    async with db.connection() as conn:
        return await load_template_place(view, conn, subject, template, "settings")


def _page(view: View, place: TemplatePlace, values: Mapping[str, Any], problems: Problems) -> Response[str]:
    return view.page(
        "template_settings.html",
        status=problems.status,
        place=place,
        template=place.template,
        values=values,
        days=_DAYS,
        problems=problems,
    )


def _question(view: View, place: TemplatePlace, problems: Problems) -> Response[str]:
    name = place.template.name
    return view.page(
        "confirm.html",
        status=problems.status,
        heading=f"Delete the template {name}",
        consequences=[
            "Nothing can be made of it any more; its versions and their logs stay for what was made of them.",
            "Only a template without workspaces can be deleted.",
        ],
        action=place.address("/delete"),
        back=place.address("/settings"),
        typed=name,
        button="Delete template",
        keep="Keep it",
        problems=problems,
    )


def _values(template: Template) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(template, name) for name in (*_TEXTS, *_SWITCHES, *_CHOICES)}
    values |= {name: _in_units(getattr(template, name), unit) for name, unit in _LENGTHS.items()}
    values["weeks"] = str(template.autostop_requirement.weeks)
    values["stop_days"] = set(template.autostop_requirement.days_of_week)
    values["start_days"] = set(template.autostart_requirement.days_of_week)
    return values


def _sent(form: Form) -> dict[str, Any]:
    values: dict[str, Any] = {name: form.get(name, "") for name in (*_TEXTS, *_LENGTHS, *_CHOICES, "weeks")}
    values |= {name: form.get(name) == "1" for name in _SWITCHES}
    return values | {"stop_days": set(form.all_of("stop_days")), "start_days": set(form.all_of("start_days"))}


def _request(form: Form, template: Template) -> UpdateTemplateMeta:
    changes: dict[str, Any] = {name: form.text(name) for name in _TEXTS if name in form}
    changes |= {name: _milliseconds(form, name, unit, template) for name, unit in _LENGTHS.items() if name in form}
    # A page without these boxes, such as one made by hand, changes none of them.
    if form.get("switches") == "1":
        changes |= {name: form.get(name) == "1" for name in _SWITCHES}
        weeks = form.text("weeks") or "0"
        if not weeks.isascii() or not weeks.isdigit() or len(weeks) > _LONGEST:
            raise invalid_field("weeks", "Give a number of weeks.")
        changes["autostop_requirement"] = TemplateAutostopRequirement(form.all_of("stop_days"), int(weeks))
        changes["autostart_requirement"] = TemplateAutostartRequirement(form.all_of("start_days"))
    for name, allowed in (("max_port_share_level", _LEVELS), ("cors_behavior", _CORS)):
        if name in form:
            if form[name] not in allowed:
                raise invalid_field(name, "Choose from what the page offers.")
            changes[name] = form[name]
    return UpdateTemplateMeta(**changes)


_LEVELS = ("owner", "organization", "authenticated", "public")
_CORS = ("simple", "passthru")


def _in_units(milliseconds: int, unit: int) -> str:
    """Return a length of time in hours or days, with at most three digits behind the point."""
    return f"{milliseconds / unit:.3f}".rstrip("0").rstrip(".")


def _milliseconds(form: Form, name: str, unit: int, template: Template) -> int:
    text = form.text(name)
    held: int = getattr(template, name)
    if text == _in_units(held, unit):
        return held  # a value that is no round number of units stays what it is
    number = text or "0"
    if len(number) > _LONGEST or not number.replace(".", "", 1).isdecimal() or not number.isascii():
        raise invalid_field(name, "Give a number, such as 8 or 1.5; 0 for never.")
    return round(float(number) * unit)


routes: list[Any] = [show_settings, save_settings, confirm_deletion, delete_template]
