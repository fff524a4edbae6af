"""How secrets are compared: in constant time, or not at all but by their hash. Timing itself would be a flaky test."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import UniqueConstraint

from app import models
from app.models import table_of

APP = Path(__file__).parents[2] / "app"
WORDS = re.compile(r"secret|signature|sealed?\b|signed|digest|token|authorization|hash", re.IGNORECASE)
#: What reads like a comparison of secrets, and why it is none.
HARMLESS = {
    # The database finds the hash of what was sent: how far it got says nothing of a secret that hashes otherwise.
    "keys.secret_hash == bindparam('secret_hash')",
    "tokens.secret_hash == bindparam('secret_hash')",
    # What a sender wrote, and the same written anew; the seal is compared besides.
    "base64.urlsafe_b64encode(sealed) == cursor.encode()",
    # Names, not values.
    "name == b'authorization'",
    "attribute.key in _SECRET",
    # Ids, and whether one is given.
    "environments.id == tokens.environment_id",
    "keys.id == tokens.api_key_id",
    "columns.id == target.token",
    "(self.token is None) == (self.customer is None)",
    # The hash of a mutation's input, whose sender is known by the key.
    "record.input_hash != input_hash",
}


def comparisons() -> Iterator[str]:
    """Every comparison in the code by `==`, `!=` or `in` that names something like a secret."""
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and any(
                isinstance(by, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for by in node.ops
            ):
                written = ast.unparse(node)
                if WORDS.search(written):
                    yield written


def test_nothing_that_is_secret_is_compared_character_by_character() -> None:
    assert set(comparisons()) - HARMLESS == set()


def test_what_is_harmless_is_still_there() -> None:
    assert set(comparisons()) >= HARMLESS


def test_secrets_are_compared_in_constant_time() -> None:
    for path in ("services/invoice_links.py", "schema/cursors.py"):
        assert "compare_digest(" in (APP / path).read_text()


def test_a_key_is_found_by_an_index_of_its_hash() -> None:
    columns = [column for column in table_of(models.ApiKey).columns if "secret" in column.name]
    assert [(column.name, column.unique) for column in columns] == [("secret_hash", True)]


def test_a_token_is_found_by_an_index_of_its_hash() -> None:
    unique = [one for one in table_of(models.CustomerToken).constraints if isinstance(one, UniqueConstraint)]
    assert ["secret_hash"] in [[column.name for column in one.columns] for one in unique]
