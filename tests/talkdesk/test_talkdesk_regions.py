"""Where requests and tokens may go."""

from __future__ import annotations

import pytest

from importer.talkdesk.addresses import REGIONS, endpoints, is_loopback, url_problem


@pytest.mark.parametrize(
    ("region", "api_url", "token_url"),
    [
        ("us", "https://api.talkdeskapp.com", "https://acme.talkdeskid.com/oauth/token"),
        ("eu", "https://api.talkdeskapp.eu", "https://acme.talkdeskid.eu/oauth/token"),
        ("ca", "https://api.talkdeskappca.com", "https://acme.talkdeskidca.com/oauth/token"),
    ],
)
def test_addresses_of_an_account(region: str, api_url: str, token_url: str) -> None:
    assert endpoints(region, "acme") == (api_url, token_url)


def test_every_region_is_encrypted() -> None:
    assert all(url.startswith("https://") for region in REGIONS for url in endpoints(region, "acme"))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com",
        "https://api.example.com/",
        "https://api.example.com:8443/talkdesk/",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://localhost:1",
        "http://[::1]:8080/",
    ],
)
def test_addresses_that_are_taken(url: str) -> None:
    assert url_problem(url, flag="--api-url") is None


UNENCRYPTED = [
    "http://api.example.com",
    "http://10.0.0.1",
    "http://0.0.0.0:8080",
    "http://localhost.example.com",
    "http://127.0.0.1.example.com",
    "http://[2001:db8::1]",
    "http://127.1",  # means loopback to some, and a name to others
    "HTTP://api.example.com",
]


@pytest.mark.parametrize("url", UNENCRYPTED)
def test_nothing_goes_unencrypted_to_another_machine(url: str) -> None:
    problem = url_problem(url, flag="--api-url")
    assert problem is not None
    assert "unencrypted" in problem[0]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com",
        "//api.example.com",
        "ftp://api.example.com",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://host:99999",
        "https://host:port",
        "https://[::1",
        "https://user@api.example.com",
        "https://user:secret@api.example.com",
        "https://:secret@api.example.com",
        "https://api.example.com?key=1",
        "https://api.example.com/#top",
        "http://127.0.0.1@api.example.com",
    ],
)
def test_what_is_no_bare_address_is_refused(url: str) -> None:
    problem = url_problem(url, flag="--auth-url")
    assert problem is not None
    assert "--auth-url" in problem[0]
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/?",
        "https://api.example.com/#",
        "https://api.example.com\n",
        "https://api.example.com ",
        "https://api example.com",
        "https://api.example.com/a b",
        "https://api.exa\tmple.com",
    ],
)
def test_addresses_that_would_not_lead_where_they_seem_to(url: str) -> None:
    """A path appended to a trailing ``?`` or ``#`` is no path, and white space is none of an address."""
    assert url_problem(url, flag="--api-url") is not None


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost", True),
        ("https://127.0.0.1:443/x", True),
        ("http://[::1]", True),
        ("http://example.com", False),
        ("http://128.0.0.1", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_what_is_this_machine(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here
