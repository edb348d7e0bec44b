"""What settings say to browsers and of proxies: what is taken, and what stops the start with its name."""

import pytest

from homeport.config import SettingsError, load_settings
from homeport.config.browsers import is_origin, read_networks, read_policy, strict_transport, wildcard_host


@pytest.mark.requirement("CSP-ADDITIONS-01", "M20")
def test_entries_of_one_directive_are_joined() -> None:
    found = read_policy(
        ("img-src https://a.test blob:", "IMG-SRC https://b.test", "sandbox", "script-src 'nonce-abc='")
    )
    assert dict(found) == {
        "img-src": ("https://a.test", "blob:", "https://b.test"),
        "sandbox": (),
        "script-src": ("'nonce-abc='",),
    }


@pytest.mark.requirement("CSP-ADDITIONS-02", "M20")
@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "script-scr https://a.test",
            "'script-scr' is no directive of a Content-Security-Policy (did you mean script-src?)",
        ),
        ("https://a.test", "'https://a.test' is no directive"),
        ("img-src", "img-src has no value"),
        ("img-src https://a.test; script-src *", "holds a semicolon"),
        ("img-src self", "img-src: self is a keyword; write it in single quotes"),
        ("img-src 'selv'", "img-src: 'selv' is no keyword"),
        ("img-src 'none'", "img-src: 'none' cannot be appended"),
        ("script-src 'strict-dynamic'", "with it browsers ignore 'self'"),
        ("script-src-elem https://a.test 'Strict-Dynamic'", "with it browsers ignore 'self'"),
        ("style-src 'nonce-YQ=='", "beside it browsers ignore 'unsafe-inline'"),
        ("style-src-attr 'sha256-YQ=='", "beside it browsers ignore 'unsafe-inline'"),
        ("frame-src https://a.test/\u00e4", "frame-src: 'https://a.test/\u00e4' holds characters"),
        ("frame-src \x01", "frame-src: "),
    ],
)
def test_an_addition_that_cannot_be_used_stops_the_start_with_its_name(entry: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={"CODER_ADDITIONAL_CSP_POLICY": f"media-src https://good.test,{entry}"})
    (problem,) = caught.value.problems
    assert problem.startswith("ADDITIONAL_CSP_POLICY: ")
    assert words in problem


@pytest.mark.requirement("CSP-ADDITIONS-01")
def test_the_setting_is_read_from_the_environment_as_the_reference_names_it() -> None:
    settings = load_settings(
        environment={"CODER_ADDITIONAL_CSP_POLICY": "img-src https://a.test, frame-src https://b.test"}
    )
    assert settings.additional_csp_policy == ("img-src https://a.test", "frame-src https://b.test")


@pytest.mark.requirement("CSP-ANCESTORS-01")
def test_nobody_or_others_may_frame_pages() -> None:
    def ancestors(text: str) -> tuple[str, ...]:
        return load_settings(environment={"HOMEPORT_CSP_FRAME_ANCESTORS": text}).csp_frame_ancestors

    assert load_settings(environment={}).csp_frame_ancestors == ("'self'",)
    assert ancestors("") == ()
    assert ancestors("'none'") == ("'none'",)
    assert ancestors("'self', https://portal.test") == ("'self'", "https://portal.test")
    for text in ("self", "'none', https://a.test", "a;b"):
        with pytest.raises(SettingsError, match="CSP_FRAME_ANCESTORS"):
            ancestors(text)


@pytest.mark.requirement("HEADERS-HSTS-01")
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({"ACCESS_URL": "https://h.test"}, "max-age=31536000"),
        ({"ACCESS_URL": "https://h.test", "STRICT_TRANSPORT_SECURITY": "60"}, "max-age=60"),
        ({"ACCESS_URL": "https://h.test", "STRICT_TRANSPORT_SECURITY": "0"}, ""),
        (
            {"ACCESS_URL": "https://h.test", "STRICT_TRANSPORT_SECURITY_OPTIONS": "preload,includesubdomains"},
            "max-age=31536000; preload; includeSubDomains",
        ),
    ],
)
def test_how_long_browsers_stay_with_https(environment: dict[str, str], expected: str) -> None:
    settings = load_settings(environment={f"HOMEPORT_{name}": value for name, value in environment.items()})
    assert strict_transport(settings) == expected


@pytest.mark.requirement("HEADERS-HSTS-01", "PROXY-ADDRESS-01", "CORS-SETTING-01", "CSP-HOSTS-01")
@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"STRICT_TRANSPORT_SECURITY": "-1"}, "STRICT_TRANSPORT_SECURITY must be at least 0"),
        ({"STRICT_TRANSPORT_SECURITY_OPTIONS": "all"}, "takes includeSubDomains and preload"),
        ({"STRICT_TRANSPORT_SECURITY_OPTIONS": "preload"}, "preload needs includeSubDomains"),
        (
            {"STRICT_TRANSPORT_SECURITY": "0", "STRICT_TRANSPORT_SECURITY_OPTIONS": "includeSubDomains"},
            "has no effect without STRICT_TRANSPORT_SECURITY",
        ),
        ({"PROXY_TRUSTED_HEADERS": "X-Forwarded-For"}, "have an effect together only"),
        ({"PROXY_TRUSTED_ORIGINS": "10.0.0.0/8"}, "have an effect together only"),
        ({"PROXY_TRUSTED_ORIGINS": "10.0.0.0/33", "PROXY_TRUSTED_HEADERS": "X"}, "'10.0.0.0/33' is neither an address"),
        ({"PROXY_TRUSTED_ORIGINS": "10.0.0.1", "PROXY_TRUSTED_HEADERS": "X Y"}, "'X Y' is no name of a header"),
        ({"PROXY_TRUSTED_ORIGINS": "10.0.0.1", "PROXY_TRUSTED_HEADERS": "Forwarded"}, "Forwarded is not read"),
        ({"CORS_ALLOWED_ORIGINS": "https://a.test/"}, "'https://a.test/' is no origin"),
        ({"CORS_ALLOWED_ORIGINS": "a.test"}, "'a.test' is no origin"),
        ({"WILDCARD_ACCESS_URL": "apps.example.com"}, "WILDCARD_ACCESS_URL: 'apps.example.com' is no host with one *"),
        ({"WILDCARD_ACCESS_URL": "*.*.example.com"}, "WILDCARD_ACCESS_URL"),
        ({"WILDCARD_ACCESS_URL": "apps.*.com"}, "WILDCARD_ACCESS_URL"),
        ({"WILDCARD_ACCESS_URL": "*.a.test; script-src *"}, "WILDCARD_ACCESS_URL"),
    ],
)
def test_what_cannot_be_used_stops_the_start_with_its_name(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environment={f"HOMEPORT_{name}": value for name, value in environment.items()})
    assert any(words in problem for problem in caught.value.problems), caught.value.problems


@pytest.mark.requirement("CSP-HOSTS-01")
@pytest.mark.parametrize("text", ["*.apps.example.com", "https://*--apps.example.com", "*", "*-x.example.com:8443"])
def test_hosts_of_applications_are_patterns(text: str) -> None:
    settings = load_settings(environment={"CODER_WILDCARD_ACCESS_URL": text})
    assert wildcard_host(settings.wildcard_access_url) == text.removeprefix("https://")


def test_networks_and_origins_are_read() -> None:
    assert [str(one) for one in read_networks(("10.1.2.3", "10.1.2.3/8", "2001:db8::1/32"))] == [
        "10.1.2.3/32",
        "10.0.0.0/8",
        "2001:db8::/32",
    ]
    assert all(is_origin(one) for one in ("https://a.test", "http://127.0.0.1:8080", "https://[2001:db8::1]:1"))
    assert not any(
        is_origin(one)
        for one in ("https://a.test:x", "https://u@a.test", "null", "https://", "ftp://a.test", "https://a b")
    )
