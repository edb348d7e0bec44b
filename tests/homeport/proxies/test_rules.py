"""From places of proxies to sources of a policy (identity 8.2)."""

import pytest

from homeport.proxies import rules
from homeport.proxies.types import AppHosts, ProxyPlace


@pytest.mark.requirement("CSP-HOSTS-01")
@pytest.mark.parametrize(
    ("wildcard", "url", "expected"),
    [
        ("*.apps.example.com", "https://p.example.com", "*.apps.example.com"),
        ("*--apps.example.com", "https://p.example.com", "*.example.com"),
        ("*-x.apps.example.com:8443", "https://p.example.com", "*.apps.example.com:8443"),
        ("x-*.apps.example.com", "https://p.example.com", "*.apps.example.com"),
        ("https://*.Apps.example.com/", "https://p.example.com", "*.apps.example.com"),
        ("apps.*.example.com", "https://p.example.com:444", "p.example.com:444"),
        ("*.*.example.com", "https://p.example.com", "p.example.com"),
        ("", "https://p.example.com/sub", "p.example.com"),
        ("*--apps", "https://p.example.com", "p.example.com"),
        ("*", "https://p.example.com", "*"),
        ("", "*", "*"),
        ("", "", ""),
        ("*.a.test; script-src *", "https://p.test", "p.test"),
        ("*.a.test", "https://p.test/'; x", "*.a.test"),
        ("", "https://user:secret@p.test", "p.test"),
        ("", "https://\u00e4.test", ""),
        ("", "https://[", ""),
    ],
)
def test_a_pattern_becomes_what_a_policy_can_say(wildcard: str, url: str, expected: str) -> None:
    assert rules.frame_source(ProxyPlace(url, wildcard)) == expected


@pytest.mark.requirement("CSP-HOSTS-01", "M09")
def test_sockets_and_frames_come_from_the_same_places() -> None:
    primary = ProxyPlace("https://home.test", "*.apps.home.test")
    proxies = [
        ProxyPlace("https://eu.test:8443", "*--x.eu.test"),
        ProxyPlace("http://us.test", ""),
        ProxyPlace("https://eu.test:8443", ""),
    ]
    assert rules.app_hosts(primary, proxies) == AppHosts(
        connect=(
            *("ws://eu.test:8443", "wss://eu.test:8443", "http://eu.test:8443", "https://eu.test:8443"),
            *("ws://us.test", "wss://us.test", "http://us.test", "https://us.test"),
        ),
        frame=("*.apps.home.test", "*.eu.test", "us.test", "eu.test:8443"),
    )


@pytest.mark.requirement("CSP-HOSTS-01")
def test_a_star_says_all_once() -> None:
    found = rules.app_hosts(
        ProxyPlace("https://home.test", ""), [ProxyPlace("*", "*"), ProxyPlace("https://us.test", "")]
    )
    assert found == AppHosts(connect=("*",), frame=("*",))


@pytest.mark.requirement("CSP-HOSTS-01")
def test_without_proxies_only_the_primary_is_framed() -> None:
    assert rules.app_hosts(ProxyPlace("https://home.test", ""), []) == AppHosts(frame=("home.test",))
