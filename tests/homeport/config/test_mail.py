"""Settings of mail that contradict each other are said at the start."""

import pytest

from homeport.config import SettingsError, load_settings

GOOD = {
    "HOMEPORT_EMAIL_SMARTHOST": "mail.homeport.test:587",
    "HOMEPORT_EMAIL_FROM": "Homeport <homeport@homeport.test>",
}


@pytest.mark.requirement("MAIL-SETTINGS-01")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"EMAIL_SMARTHOST": "mail.homeport.test"}, "EMAIL_SMARTHOST"),
        ({"EMAIL_SMARTHOST": "mail.homeport.test:99999"}, "EMAIL_SMARTHOST"),
        ({"EMAIL_SMARTHOST": ""}, "without EMAIL_SMARTHOST"),
        ({"EMAIL_FROM": ""}, "EMAIL_FROM is needed"),
        ({"EMAIL_FROM": "nobody"}, "EMAIL_FROM is needed"),
        ({"EMAIL_FORCE_TLS": "true", "EMAIL_TLS_STARTTLS": "true"}, "exclude each other"),
        ({"EMAIL_AUTH_USERNAME": "robot"}, "belong together"),
        ({"EMAIL_AUTH_PASSWORD": "x"}, "belong together"),
        (
            {"EMAIL_AUTH_USERNAME": "a", "EMAIL_AUTH_PASSWORD": "x", "EMAIL_AUTH_PASSWORD_FILE": "/x"},
            "exclude each other",
        ),
        ({"EMAIL_AUTH_IDENTITY": "x"}, "has no effect"),
        ({"EMAIL_TLS_CERTFILE": "/x"}, "belong together"),
        ({"EMAIL_HELLO": "two words"}, "EMAIL_HELLO"),
        ({"ONE_TIME_PASSCODE_VALIDITY_PERIOD": "0"}, "longer than zero"),
    ],
)
def test_contradictions_are_named(more: dict[str, str], words: str) -> None:
    environment = GOOD | {f"HOMEPORT_{name}": value for name, value in more.items()}
    with pytest.raises(SettingsError, match=words):
        load_settings(environment=environment)


@pytest.mark.requirement("MAIL-SETTINGS-01")
def test_names_of_the_reference_are_read() -> None:
    environment = {
        "CODER_EMAIL_SMARTHOST": "mail.homeport.test:465", "CODER_EMAIL_FROM": "a@homeport.test", "CODER_EMAIL_FORCE_TLS": "true",
        "CODER_EMAIL_AUTH_USERNAME": "robot", "CODER_EMAIL_AUTH_PASSWORD_FILE": "/run/secret", "CODER_EMAIL_HELLO": "here.test",
        "CODER_EMAIL_TLS_SERVERNAME": "x.test", "CODER_EMAIL_TLS_SKIPVERIFY": "true", "CODER_EMAIL_TLS_CACERTFILE": "/ca.pem",
    }  # fmt: skip
    settings = load_settings(environment=environment)
    assert settings.has_mail
    assert settings.email_force_tls
    assert settings.email_hello == "here.test"
    assert not load_settings(environment={}).has_mail
