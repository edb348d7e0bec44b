"""The one definition of every setting: type, default, group and words. Names follow the reference system's.

Those of signing in through providers stand in sign_in.py, those of mail in mail.py.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from homeport.config.mail import MailSettings
from homeport.config.setting import Setting, text


class Settings(MailSettings, frozen=True, kw_only=True):
    """All settings of `homeport server`, checked and typed."""

    http_address: Annotated[
        str, Setting("Networking", "Address on which the server listens, as host:port.", "address")
    ] = "127.0.0.1:3000"
    access_url: Annotated[
        str,
        Setting(
            "Networking",
            "Address under which people and workspaces reach the server. Empty: http:// and the listen address.",
            "url",
        ),
    ] = ""
    tls_enable: Annotated[bool, Setting("Networking", "Serve https with the certificate below.", "switch")] = False
    tls_cert_file: Annotated[str, text("Networking", "File with the certificate chain (PEM).")] = ""
    tls_key_file: Annotated[str, text("Networking", "File with the certificate's private key (PEM).")] = ""
    secure_auth_cookie: Annotated[
        bool, Setting("Networking", "Mark cookies as Secure. Always on when the access address is https.", "switch")
    ] = False
    wildcard_access_url: Annotated[
        str,
        text(
            "Networking",
            "Host under which applications of workspaces are reached, with a * in its first label: *.apps.example.com or "
            "*--apps.example.com. Pages may show them in frames.",
        ),
    ] = ""
    proxy_trusted_origins: Annotated[
        tuple[str, ...],
        Setting(
            "Networking",
            "Addresses and networks (10.0.0.0/8) of proxies in front of the server, whose word about the client is believed.",
            "list",
        ),
    ] = ()
    proxy_trusted_headers: Annotated[
        tuple[str, ...],
        Setting(
            "Networking",
            "Headers in which those proxies name the client, such as X-Forwarded-For or X-Real-Ip; the first that names one "
            "counts.",
            "list",
        ),
    ] = ()

    additional_csp_policy: Annotated[
        tuple[str, ...],
        Setting(
            "Browsers",
            "Values to add to the Content-Security-Policy of pages, one directive an entry, such as "
            "'img-src https://pictures.example'. What the policy has stays.",
            "list",
        ),
    ] = ()
    csp_frame_ancestors: Annotated[
        tuple[str, ...],
        Setting(
            "Browsers",
            "Who may show pages in a frame (frame-ancestors). Empty: the directive is left out, for schemes that it cannot "
            "name. Pages for signing in and for consent are never framed.",
            "list",
        ),
    ] = ("'self'",)
    strict_transport_security: Annotated[
        int,
        Setting(
            "Browsers",
            "Seconds for which browsers stay with https, where the access address is https. 0: they are told nothing.",
            "number",
        ),
    ] = 31_536_000
    strict_transport_security_options: Annotated[
        tuple[str, ...],
        Setting("Browsers", "What goes with it: includeSubDomains, preload.", "list"),
    ] = ()
    cors_allowed_origins: Annotated[
        tuple[str, ...],
        Setting(
            "Browsers",
            "Origins, as https://host, whose pages may read answers of the HTTP API with a token of their own; * for all. "
            "Cookies never count for them.",
            "list",
        ),
    ] = ()
    swagger_enable: Annotated[
        bool, Setting("Browsers", "Serve the page about the HTTP API at /swagger, and its document.", "switch")
    ] = True

    data_dir: Annotated[
        Path,
        Setting("Storage", "Folder for the embedded database, keys and homes of process workspaces.", "path"),
    ] = Path("~/.local/share/homeport")
    pg_connection_url: Annotated[
        str,
        text(
            "Storage",
            "Address of a PostgreSQL 14 or newer. Empty: an embedded PostgreSQL 18 in the data folder.",
            is_secret=True,
        ),
    ] = ""
    pg_conn_max_open: Annotated[int, Setting("Storage", "Most database connections of one server.", "number")] = 20
    external_token_encryption_keys: Annotated[
        tuple[str, ...],
        Setting(
            "Storage",
            "Base64 keys of 32 bytes that seal what must be read back; the first seals, all open. "
            "Empty: one is made and kept in the data folder. Needed when several servers share a database.",
            "list",
            is_secret=True,
        ),
    ] = ()

    audit_logs_retention: Annotated[
        timedelta, Setting("Storage", "How long entries of the audit log are kept. 0: forever.", "duration")
    ] = timedelta(0)
    connection_logs_retention: Annotated[
        timedelta, Setting("Storage", "How long entries of the connection log are kept. 0: forever.", "duration")
    ] = timedelta(days=90)

    session_duration: Annotated[
        timedelta, Setting("Sessions", "Life of a sign-in without use; use extends it.", "duration")
    ] = timedelta(hours=24)
    disable_session_expiry_refresh: Annotated[
        bool, Setting("Sessions", "Do not extend a session when it is used.", "switch")
    ] = False
    default_token_lifetime: Annotated[
        timedelta, Setting("Sessions", "Life of a token when none is asked for.", "duration")
    ] = timedelta(days=7)
    max_token_lifetime: Annotated[
        timedelta, Setting("Sessions", "Longest life of a token of a member.", "duration")
    ] = timedelta(hours=876600)
    max_admin_token_lifetime: Annotated[
        timedelta, Setting("Sessions", "Longest life of a token of an owner.", "duration")
    ] = timedelta(hours=876600)
    disable_password_auth: Annotated[
        bool, Setting("Sessions", "Refuse sign-in by password, except for owners.", "switch")
    ] = False
    dangerous_disable_rate_limits: Annotated[
        bool, Setting("Sessions", "Switch every rate limit off. For tests only.", "switch")
    ] = False
    login_rate_limit: Annotated[int, Setting("Sessions", "Attempts to sign in per minute and address.", "number")] = 60
    login_account_rate_limit: Annotated[
        int,
        Setting(
            "Sessions",
            "Wrong passwords per account in ten minutes, from addresses without a session of it together and from those with "
            "one each for itself; and mails with one-time passcodes per account and hour.",
            "number",
        ),
    ] = 10
    disable_owner_workspace_access: Annotated[
        bool, Setting("Sessions", "Owners may not open a shell or app in workspaces of others.", "switch")
    ] = False
    account_dormancy_period: Annotated[
        timedelta,
        Setting(
            "Sessions",
            "When an active account that nobody uses becomes dormant; it is active again with its next sign-in. 0: never.",
            "duration",
        ),
    ] = timedelta(days=90)
    quiet_hours_default_schedule: Annotated[
        str,
        text(
            "Sessions",
            "When a stop that a template requires may interrupt people, as CRON_TZ=Europe/Berlin 30 2 * * *: one minute and "
            "one hour of every day.",
        ),
    ] = "CRON_TZ=UTC 0 0 * * *"
    allow_custom_quiet_hours: Annotated[
        bool, Setting("Sessions", "Let people set quiet hours of their own.", "switch")
    ] = True
    terms_of_service_url: Annotated[
        str, Setting("Sessions", "Link to terms that people accept when they sign in.", "url")
    ] = ""

    provisioner_daemons: Annotated[
        int, Setting("Provisioning", "How many built-in provisioner daemons to run; 0 for none.", "number")
    ] = 3
    provisioner_daemon_psk: Annotated[
        str,
        text("Provisioning", "Secret that remote provisioner daemons may present instead of a key.", is_secret=True),
    ] = ""
    provisioner_force_cancel_interval: Annotated[
        timedelta,
        Setting("Provisioning", "After a cancel, how long an engine may take before it is killed.", "duration"),
    ] = timedelta(minutes=10)
    provisioner_hang_timeout: Annotated[
        timedelta,
        Setting(
            "Provisioning",
            "How long a provisioner daemon may work on a job without a word before the job is ended as failed. Daemons report "
            "every few seconds; a shorter time gives up earlier on those that were cut off for a moment.",
            "duration",
        ),
    ] = timedelta(minutes=5)
    provisioner_isolation: Annotated[
        str,
        Setting(
            "Provisioning",
            "How built-in daemons keep process workspaces apart from this machine. auto: by bubblewrap where it works, else "
            "not at all, and then for site owners only. bubblewrap: by bubblewrap, else no such workspace starts. none: not "
            "at all, for site owners only.",
            "choice",
            choices=("auto", "bubblewrap", "none"),
        ),
    ] = "auto"
    provisioner_hide: Annotated[
        tuple[str, ...],
        Setting(
            "Provisioning",
            "Folders and files that no isolated workspace of built-in daemons sees, beside the data folder, the settings file "
            "and the key of the certificate.",
            "list",
        ),
    ] = ()

    oauth2_provider_enable: Annotated[
        bool, Setting("OAuth2", "Serve the authorization server and MCP. Off: their routes do not exist.", "switch")
    ] = True
    oauth2_require_pkce: Annotated[
        bool,
        Setting("OAuth2", "Demand PKCE of confidential clients, too. Public clients always need it.", "switch"),
    ] = False
    oauth2_access_token_lifetime: Annotated[timedelta, Setting("OAuth2", "Life of an access token.", "duration")] = (
        timedelta(hours=1)
    )
    oauth2_refresh_token_lifetime: Annotated[
        timedelta, Setting("OAuth2", "Life of a refresh token without use; each use gives a new one.", "duration")
    ] = timedelta(days=30)
    oauth2_session_lifetime: Annotated[
        timedelta,
        Setting("OAuth2", "Longest time that a client works on one consent before it has to ask again.", "duration"),
    ] = timedelta(days=180)
    oauth2_refresh_grace: Annotated[
        timedelta,
        Setting(
            "OAuth2",
            "How long a refresh token still answers after its first use, for clients that lost the answer or refresh "
            "from several processes at once. 0: not at all.",
            "duration",
        ),
    ] = timedelta(seconds=90)
    oauth2_dynamic_client_registration: Annotated[
        bool,
        Setting(
            "OAuth2",
            "Let clients register themselves (RFC 7591), until an owner decides otherwise at run time.",
            "switch",
        ),
    ] = True
    oauth2_dynamic_client_limit: Annotated[
        int,
        Setting(
            "OAuth2", "Most clients that no owner has registered: dynamic ones, and those with a document.", "number"
        ),
    ] = 10000
    oauth2_unused_client_lifetime: Annotated[
        timedelta,
        Setting(
            "OAuth2", "When a client that registered itself and was never granted anything is removed.", "duration"
        ),
    ] = timedelta(days=14)
    oauth2_client_metadata_documents: Annotated[
        bool, Setting("OAuth2", "Accept clients whose id is the https address of a document about them.", "switch")
    ] = True
    oauth2_client_metadata_domains: Annotated[
        tuple[str, ...],
        Setting("OAuth2", "Domains whose documents are accepted, with their subdomains. Empty: every domain.", "list"),
    ] = ()
    oauth2_client_metadata_denied_domains: Annotated[
        tuple[str, ...],
        Setting("OAuth2", "Domains whose documents are refused, with their subdomains.", "list"),
    ] = ()
    oauth2_client_metadata_private_hosts: Annotated[
        tuple[str, ...],
        Setting(
            "OAuth2",
            "Hosts in private networks, as host or host:port, that may serve documents. For development.",
            "list",
        ),
    ] = ()
    oauth2_unregistered_client_scopes: Annotated[
        tuple[str, ...],
        Setting(
            "OAuth2",
            "The most that clients may be granted which no owner has registered: those that registered themselves, and "
            "those with a document. Empty: whatever people may grant.",
            "list",
        ),
    ] = ()
    oauth2_authorize_rate_limit: Annotated[
        int, Setting("OAuth2", "Authorization requests per minute and address.", "number")
    ] = 120
    oauth2_token_rate_limit: Annotated[
        int,
        Setting(
            "OAuth2", "Token requests that fail per minute and address; those that succeed do not count.", "number"
        ),
    ] = 60
    oauth2_register_rate_limit: Annotated[
        int, Setting("OAuth2", "Registrations of clients per minute and address.", "number")
    ] = 30

    scim_auth_header: Annotated[
        str,
        text(
            "SCIM",
            "Token, of at least 32 characters, with which an identity provider keeps accounts and groups at /scim/v2. "
            "Empty: SCIM is switched off.",
            is_secret=True,
        ),
    ] = ""
    scim_organization: Annotated[
        str,
        text(
            "SCIM",
            "Organization, by name or id, to which the accounts and groups of the identity provider belong. Empty: the "
            "default organization.",
        ),
    ] = ""

    mcp_allowed_origins: Annotated[
        tuple[str, ...],
        Setting(
            "OAuth2",
            "Further origins, as https://host, whose pages may call the MCP endpoints and under whose host the server "
            "may be reached there. The access address and loopback may always; * allows every origin and host.",
            "list",
        ),
    ] = ()

    ssh_hostname_prefix: Annotated[str, text("Client", "Prefix of workspace names in the OpenSSH configuration.")] = (
        "coder."
    )
    ssh_hostname_suffix: Annotated[str, text("Client", "Suffix of workspace names in the OpenSSH configuration.")] = (
        "coder"
    )
    ssh_config_options: Annotated[
        tuple[str, ...],
        Setting("Client", "Lines 'Key=value' that config-ssh adds to the OpenSSH configuration.", "list"),
    ] = ()

    prometheus_enable: Annotated[
        bool, Setting("Telemetry", "Serve metrics at /metrics on the address below.", "switch")
    ] = False
    prometheus_address: Annotated[str, Setting("Telemetry", "Address of the metrics, as host:port.", "address")] = (
        "127.0.0.1:2112"
    )
    verbose: Annotated[bool, Setting("Telemetry", "Write debug logs too.", "switch")] = False
    log_json: Annotated[
        bool, Setting("Telemetry", "Write logs as JSON lines instead of text for people.", "switch")
    ] = False

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the server by https."""
        return self.access_url.startswith("https://")

    @property
    def has_secure_cookies(self) -> bool:
        """Whether cookies carry the Secure attribute."""
        return self.secure_auth_cookie or self.is_https
