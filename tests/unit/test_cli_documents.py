"""The quickstart that the package carries, and how the demo makes it fresh."""

from pathlib import Path

from app.cli.documents import fresh_documents, quickstart

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart.graphql"


def test_the_package_carries_the_example() -> None:
    assert quickstart() == QUICKSTART.read_text()


def test_what_may_be_used_once_gets_the_suffix_and_nothing_else_does() -> None:
    fresh, other = fresh_documents("one"), fresh_documents("two")
    assert 'externalId: "acme-1-one"' in fresh["CreateCustomer"]
    assert 'idempotencyKey: "quickstart-subscribe-one"' in fresh["Subscribe"]
    assert 'idempotencyKey: "quickstart-pay-one"' in fresh["PayInvoice"]
    differing = {name for name in fresh if fresh[name] != other[name]}
    assert differing == {"CreateCustomer", "Subscribe", "PayInvoice"}
