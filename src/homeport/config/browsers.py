"""What settings say to browsers and of proxies: the page policy, https, cross-origin pages, trusted peers. Pure functions."""

import difflib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from homeport.config.definitions import Settings

_SOURCES: Final = frozenset(
    {
        "base-uri", "child-src", "connect-src", "default-src", "fenced-frame-src", "font-src", "form-action",
        "frame-ancestors", "frame-src", "img-src", "manifest-src", "media-src", "object-src", "prefetch-src",
        "script-src", "script-src-attr", "script-src-elem", "style-src", "style-src-attr", "style-src-elem",
        "worker-src",
    }
)  # fmt: skip
DIRECTIVES: Final = _SOURCES | frozenset(
    ["report-to", "report-uri", "require-trusted-types-for", "sandbox", "trusted-types", "upgrade-insecure-requests"]
)
_VALUELESS: Final = frozenset({"sandbox", "trusted-types", "upgrade-insecure-requests"})
_KEYWORDS: Final = frozenset(
    [
        "'self'",
        "'none'",
        "'unsafe-inline'",
        "'unsafe-eval'",
        "'wasm-unsafe-eval'",
        "'unsafe-hashes'",
        "'strict-dynamic'",
        "'report-sample'",
    ]
)
_CODE: Final = re.compile(r"'(nonce|sha256|sha384|sha512)-[A-Za-z0-9+/_=-]+'")
_VALUE: Final = re.compile(r"[!-+\--:<-~]+")  # printable ASCII without space, comma and semicolon
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HOST: Final = re.compile(r"(?:\*|[a-z0-9-]+|[a-z0-9-]*\*[a-z0-9-]*)(?:\.[a-z0-9-]+)*(?::\d{1,5})?", re.IGNORECASE)
_PRELOAD_SECONDS: Final = 31_536_000
_STRICT_OPTIONS: Final = MappingProxyType({"includesubdomains": "includeSubDomains", "preload": "preload"})
Network = IPv4Network | IPv6Network


@lru_cache(maxsize=16)
def read_policy(entries: Sequence[str]) -> MappingProxyType[str, tuple[str, ...]]:
    """Return the values to append by directive. Raises ValueError that names the directive which cannot be used."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in entries:
        name, *values = entry.split()
        directive = name.lower()
        if ";" in entry:
            raise ValueError(f"'{entry}' holds a semicolon; write one directive an entry, separated by commas")
        if directive not in DIRECTIVES:
            close = difflib.get_close_matches(directive, DIRECTIVES, n=1)
            hint = f"did you mean {close[0]}?" if close else "write for example img-src https://pictures.example"
            raise ValueError(f"'{name}' is no directive of a Content-Security-Policy ({hint})")
        if not values and directive not in _VALUELESS:
            raise ValueError(f"{directive} has no value; write for example {directive} https://host.example")
        for value in values:
            if problem := _value_problem(directive, value):
                raise ValueError(f"{directive}: {problem}")
        found[directive] = (*found.get(directive, ()), *values)
    return MappingProxyType(found)


def _value_problem(directive: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        return f"'{value}' holds characters that no value of a policy may have"
    if directive not in _SOURCES:
        return ""
    if value == "'none'":
        return "'none' cannot be appended: beside other values it means nothing"
    if value.lower() == "'strict-dynamic'" and directive.startswith("script-src"):
        return f"{value} cannot be appended: with it browsers ignore 'self', from which the pages' own scripts come"
    if _CODE.fullmatch(value) and directive.startswith("style-src"):
        return (
            f"{value} cannot be appended: beside it browsers ignore 'unsafe-inline', which the pages' own styles have"
        )
    if value.startswith("'") or value.endswith("'"):
        is_known = value.lower() in _KEYWORDS or _CODE.fullmatch(value)
        return "" if is_known else f"{value} is no keyword of a policy"
    if f"'{value.lower()}'" in _KEYWORDS:
        return f"{value} is a keyword; write it in single quotes: '{value}'"
    return ""


def strict_transport(settings: "Settings") -> str:
    """Return the value of Strict-Transport-Security, or an empty text where browsers are told nothing."""
    if not settings.is_https or not settings.strict_transport_security:
        return ""
    options = [_STRICT_OPTIONS[one.lower()] for one in settings.strict_transport_security_options]
    return "; ".join([f"max-age={settings.strict_transport_security}", *options])


def read_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return addresses and networks in CIDR notation. Raises ValueError that names the wrong one."""
    found: list[Network] = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError:
            raise ValueError(f"'{text}' is neither an address nor a network such as 10.0.0.0/8") from None
    return tuple(found)


def wildcard_host(text: str) -> str:
    """Return the host pattern of an address of apps such as `*.apps.example.com`, with or without a scheme before it."""
    return text.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/")


def is_origin(text: str) -> bool:
    """Tell whether a text is an origin as browsers send it: scheme, host and perhaps a port, nothing else."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        text.isascii()
        and text.isprintable()
        and parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and text == f"{parts.scheme}://{parts.netloc}"
        and "@" not in parts.netloc
        and " " not in text
    )


def problems(settings: "Settings") -> Iterator[str]:
    """Say what is wrong with these settings, each with its name."""
    yield from _policy_problems(settings)
    yield from _transport_problems(settings)
    yield from _proxy_problems(settings)
    for origin in settings.cors_allowed_origins:
        if origin != "*" and not is_origin(origin):
            yield f"CORS_ALLOWED_ORIGINS: '{origin}' is no origin; write for example https://tools.example.com, or *."
    if (host := wildcard_host(settings.wildcard_access_url)) and not (_HOST.fullmatch(host) and host.count("*") == 1):
        yield (
            f"WILDCARD_ACCESS_URL: '{settings.wildcard_access_url}' is no host with one * in its first label, such as "
            "*.apps.example.com or *--apps.example.com."
        )


def _policy_problems(settings: "Settings") -> Iterator[str]:
    try:
        read_policy(settings.additional_csp_policy)
    except ValueError as error:
        yield f"ADDITIONAL_CSP_POLICY: {error}."
    for value in settings.csp_frame_ancestors:
        is_alone = value == "'none'" and len(settings.csp_frame_ancestors) == 1
        if not is_alone and (problem := _value_problem("frame-ancestors", value)):
            yield f"CSP_FRAME_ANCESTORS: {problem}."


def _transport_problems(settings: "Settings") -> Iterator[str]:
    options = {one.lower() for one in settings.strict_transport_security_options}
    if settings.strict_transport_security < 0:
        yield "STRICT_TRANSPORT_SECURITY must be at least 0."
    if options - _STRICT_OPTIONS.keys():
        yield "STRICT_TRANSPORT_SECURITY_OPTIONS takes includeSubDomains and preload."
    if options and not settings.strict_transport_security:
        yield "STRICT_TRANSPORT_SECURITY_OPTIONS has no effect without STRICT_TRANSPORT_SECURITY; set it or remove them."
    if "preload" in options and (
        "includesubdomains" not in options or settings.strict_transport_security < _PRELOAD_SECONDS
    ):
        yield (
            "STRICT_TRANSPORT_SECURITY_OPTIONS: preload needs includeSubDomains beside it and STRICT_TRANSPORT_SECURITY of at "
            f"least {_PRELOAD_SECONDS}."
        )


def _proxy_problems(settings: "Settings") -> Iterator[str]:
    try:
        networks = read_networks(settings.proxy_trusted_origins)
    except ValueError as error:
        yield f"PROXY_TRUSTED_ORIGINS: {error}."
        return
    for name in settings.proxy_trusted_headers:
        if not _TOKEN.fullmatch(name):
            yield f"PROXY_TRUSTED_HEADERS: '{name}' is no name of a header."
        elif name.lower() == "forwarded":
            yield "PROXY_TRUSTED_HEADERS: Forwarded is not read; let the proxy send X-Forwarded-For."
    if bool(networks) != bool(settings.proxy_trusted_headers):
        yield (
            "PROXY_TRUSTED_HEADERS and PROXY_TRUSTED_ORIGINS have an effect together only: whose headers are believed, and which."
        )
