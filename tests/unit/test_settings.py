import pytest
from pydantic import ValidationError

from app.settings import Settings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://billing.example.com", "https://billing.example.com"),
        ("https://billing.example.com/", "https://billing.example.com"),
        ("https://example.com/billing/", "https://example.com/billing"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_a_public_url_is_what_paths_are_appended_to(monkeypatch: pytest.MonkeyPatch, given: str, kept: str) -> None:
    assert Settings().public_url is None
    monkeypatch.setenv("BILLGRAPH_PUBLIC_URL", given)
    assert Settings().public_url == kept


@pytest.mark.parametrize(
    "given",
    [
        "",
        "billing.example.com",
        "/billing",
        "ftp://example.com",
        "javascript:alert(1)",
        "https://a@example.com",
        "https://example.com?",
        "https://example.com/?a=b",
        "https://example.com/#a",
    ],
)
def test_what_links_can_not_begin_with_is_no_public_url(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("BILLGRAPH_PUBLIC_URL", given)
    with pytest.raises(ValidationError, match="public_url"):
        Settings()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", []),
        (" , ", []),
        ("https://app.example.com", ["https://app.example.com"]),
        ("https://app.example.com/", ["https://app.example.com"]),
        ("https://APP.example.com:443", ["https://app.example.com"]),
        ("http://localhost:80,http://127.0.0.1:3000", ["http://127.0.0.1:3000", "http://localhost"]),
        ("http://[::1]:3000 https://münchen.example", ["http://[::1]:3000", "https://xn--mnchen-3ya.example"]),
    ],
)
def test_allowed_origins_are_as_browsers_write_them(
    monkeypatch: pytest.MonkeyPatch, given: str, kept: list[str]
) -> None:
    assert Settings().allowed_origins == frozenset()
    monkeypatch.setenv("BILLGRAPH_ALLOWED_ORIGINS", given)
    assert sorted(Settings().allowed_origins) == kept


@pytest.mark.parametrize(
    "given",
    [
        "*",
        "https://*.example.com",
        "null",
        "app.example.com",
        "https://app.example.com/portal",
        "https://a@app.example.com",
        "https://app.example.com?",
        "https://app.example.com#",
        "file:///",
        "https://app.example.com;https://other.example.com",
        "https://app.example.com, *",
        '["https://app.example.com"]',
    ],
)
def test_what_no_browser_says_is_no_allowed_origin(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("BILLGRAPH_ALLOWED_ORIGINS", given)
    with pytest.raises(ValidationError, match="allowed_origins"):
        Settings()
