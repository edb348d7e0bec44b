"""Every place of the schema that holds what `kit.crypto.Cipher` has sealed.

A test holds this list against the schema and against the code that seals: a new sealed column without a line here fails it.
"""

from enum import Enum, auto
from typing import Final

import msgspec


class Loss(Enum):
    """What becomes of a value that no key opens any more, where operators let go of it."""

    EMPTY = auto()
    """The value goes; its row lives on without it."""
    ROW = auto()
    """Its row goes, because it is worth nothing without it."""
    BLANK = auto()
    """An empty text is sealed in its place, because the column must hold something."""


class SealedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """One sealed column: how its bytes are read and written, and what its loss means.

    `keys` is the primary key. `read` is an expression for the sealed bytes, `write` an assignment of the parameter `{value}`.
    `key_id` is a column beside it that names the sealing key.
    """

    table: str
    column: str
    keys: tuple[str, ...]
    loss: Loss
    words: str
    read: str = ""
    write: str = ""
    only: str = "true"
    key_id: str = ""

    @property
    def name(self) -> str:
        """The column as operators read of it."""
        return f"{self.table}.{self.column}"

    @property
    def bytes_of(self) -> str:
        """The expression for the sealed bytes."""
        return self.read or self.column

    @property
    def assignment(self) -> str:
        """The assignment of new sealed bytes."""
        return self.write or f"{self.column} = {{value}}"


SEALED: Final = (
    SealedColumn(
        table="git_ssh_keys",
        column="private_key_sealed",
        keys=("user_id",),
        loss=Loss.ROW,
        words="keys for git servers; people get new ones, and register them there",
    ),
    SealedColumn(
        table="template_version_variables",
        column="value_sealed",
        keys=("template_version_id", "name"),
        loss=Loss.ROW,
        words="values of sensitive template variables; push these templates again with their values",
    ),
    SealedColumn(
        table="workspace_builds",
        column="provisioner_state",
        keys=("id",),
        loss=Loss.EMPTY,
        words="what engines know of workspaces; what was made for them outside has to be removed by hand",
    ),
    SealedColumn(
        table="workspace_agents",
        column="auth_token_sealed",
        keys=("id",),
        loss=Loss.BLANK,
        words="tokens of agents, to be told again; sub-agents are made anew when their workspace starts",
    ),
    SealedColumn(
        table="user_links",
        column="access_token_sealed",
        keys=("user_id", "login_type"),
        loss=Loss.EMPTY,
        words="access tokens of identity providers; people sign in there again",
        key_id="token_key_id",
    ),
    SealedColumn(
        table="user_links",
        column="refresh_token_sealed",
        keys=("user_id", "login_type"),
        loss=Loss.EMPTY,
        words="refresh tokens of identity providers; people sign in there again",
        key_id="token_key_id",
    ),
    SealedColumn(
        table="mails",
        column="content_sealed",
        keys=("id",),
        loss=Loss.ROW,
        words="mails that wait; people ask for them again",
    ),
    SealedColumn(
        table="provisioner_jobs",
        column="input",
        keys=("id",),
        loss=Loss.EMPTY,
        words="variables of dry runs; run them again",
        read="decode(nullif(input ->> 'variables_sealed', ''), 'hex')",
        write="input = jsonb_set(input, '{{variables_sealed}}', to_jsonb(coalesce(encode({value}, 'hex'), '')))",
        only="type = 'template_version_dry_run'",
    ),
    SealedColumn(
        table="site_configs",
        column="value",
        keys=("key",),
        loss=Loss.ROW,
        words="the key by which servers log in to agents; a new one is made",
        read="decode(value, 'base64')",
        write="value = replace(encode({value}, 'base64'), chr(10), '')",
        only="key = 'agent_ssh_client_key'",
    ),
)
