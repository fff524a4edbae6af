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
