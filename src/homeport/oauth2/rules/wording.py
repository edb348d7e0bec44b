"""How clients and scopes are said to people. Names of clients come from strangers."""

import unicodedata
from typing import Final
from urllib.parse import urlsplit

from homeport.oauth2.rules.scopes import WORDS
from homeport.oauth2.types import AppRow

_MOST = 64
_NAMELESS = "An application without a name"
# Control and format characters (those that turn the direction of writing among them), line ends, and what stands for nothing.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_VERBS: Final = {
    "*": "Do everything with",
    "application_connect": "Open applications of",
    "assign": "Give people",
    "create": "Create",
    "create_agent": "Add sub-agents to",
    "delete": "Delete",
    "delete_agent": "Remove sub-agents from",
    "read": "See",
    "read_personal": "See personal data of",
    "share": "Share",
    "ssh": "Run commands and open shells in",
    "start": "Start",
    "stop": "Stop",
    "unassign": "Take from people",
    "update": "Change",
    "update_personal": "Change personal data of",
    "use": "Use",
    "view_insights": "See the usage of",
}
_NOUNS: Final = {
    "api_key": "API keys",
    "assign_org_role": "roles in organizations",
    "assign_role": "roles in the deployment",
    "audit_log": "the audit log",
    "connection_log": "the log of connections",
    "deployment_config": "the settings of the deployment",
    "deployment_stats": "figures of the deployment",
    "file": "uploaded files",
    "group": "groups",
    "group_member": "members of groups",
    "idpsync_settings": "the settings of identity providers",
    "inbox_notification": "notifications",
    "license": "licences",
    "notification_preference": "notification preferences",
    "notification_template": "notification templates",
    "oauth2_app": "registered applications",
    "oauth2_app_secret": "secrets of registered applications",
    "organization": "organizations",
    "organization_member": "members of organizations",
    "prebuilt_workspace": "prebuilt workspaces",
    "provisioner_daemon": "provisioner daemons",
    "provisioner_jobs": "provisioner jobs",
    "template": "templates",
    "user": "user accounts",
    "webpush_subscription": "push subscriptions",
    "workspace": "workspaces",
    "workspace_dormant": "dormant workspaces",
    "workspace_proxy": "workspace proxies",
}


def scope_words(name: str) -> str:
    """Say what a scope allows: a sentence. A name that the tables lack is said by its parts."""
    if name in WORDS:
        return WORDS[name]
    noun, _, verb = name.partition(":")
    action = _VERBS.get(verb) or verb.replace("_", " ").capitalize()
    return f"{action} {_NOUNS.get(noun) or noun.replace('_', ' ')}."


def client_name(app: AppRow) -> str:
    """Return a client's name as it can be shown among words of ours."""
    return shown_name(app.name)


def shown_name(name: str) -> str:
    """Return a name that a stranger has chosen on one line, without characters that hide or turn others; at most 64."""
    visible = "".join(" " if letter.isspace() else letter for letter in name if not _is_hidden(letter))
    found = " ".join(visible.split())
    return (found if len(found) <= _MOST else f"{found[: _MOST - 1]}…") or _NAMELESS


def client_host(app: AppRow) -> str:
    """Return the host of a client's document, or an empty text for other clients."""
    return urlsplit(app.metadata_url).hostname or "" if app.metadata_url else ""


def has_private_scheme(redirect_uri: str) -> bool:
    """Whether an answer goes to an application by a scheme that any application can claim."""
    return not redirect_uri.startswith(("https://", "http://"))


def _is_hidden(letter: str) -> bool:
    return unicodedata.category(letter) in _HIDDEN and not letter.isspace()
