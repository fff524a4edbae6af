"""Catalogs in files: every problem at once, with its line, before anything is sent."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import GraphQLInputField, GraphQLInputObjectType, GraphQLList, GraphQLNonNull

from app.cli.catalog_file import MAX_BYTES, FileFormat, format_of, load_catalog, write_catalog
from app.cli.target import CommandError
from app.graphql import schema

TYPES = schema._schema.type_map
KIND = GraphQLInputObjectType(
    "Catalog",
    {
        noun: GraphQLInputField(GraphQLNonNull(GraphQLList(GraphQLNonNull(TYPES[kind]))), default_value=[])
        for noun, kind in (
            ("products", "ProductCreateInput"),
            ("prices", "PriceCreateInput"),
            ("plans", "PlanCreateInput"),
        )
    },
)
GOOD = """\
products:
  - key: llm
    name: LLM
    metadata: {team: search}
prices:
  - key: tokens
    target: {billableMetricId: output-tokens}
    invoiceDisplayName: Output tokens
    paymentTerm: IN_ARREARS
    model:
      standard: {unitPrice: 0.000020}
    quantity: 3
"""


def load(tmp_path: Path, content: str | bytes, name: str = "catalog.yaml") -> Any:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return load_catalog(str(tmp_path / name), None, KIND)


def refusal(tmp_path: Path, content: str | bytes, name: str = "catalog.yaml") -> list[str]:
    with pytest.raises(CommandError) as refused:
        load(tmp_path, content, name)
    return str(refused.value).replace(f"{tmp_path}/", "").splitlines()


def test_a_catalog_keeps_every_digit(tmp_path: Path) -> None:
    catalog = load(tmp_path, GOOD).catalog
    assert catalog["prices"][0]["model"] == {"standard": {"unitPrice": "0.000020"}}
    assert catalog["prices"][0]["quantity"] == 3
    text = json.dumps(catalog).replace('"0.000020"', "0.000020")
    assert load(tmp_path, text, "catalog.json").catalog == catalog


def test_every_problem_is_named_at_once_with_its_line_and_path(tmp_path: Path) -> None:
    bad = GOOD.replace("name: LLM", "nme: LLM").replace("IN_ARREARS", "LATER").replace("0.000020", "cheap")
    bad = bad.replace("quantity: 3", "quantity: 007") + "coupons: []\nplans: {}\n"
    unit_price = "The Decimal is not a decimal number: write digits with at most one point, like 1234.56."
    fields = "description, idempotencyKey, key, metadata, name"
    doubtful = "007 is a number to some readers and a text to others; put it in quotes, or write it plainly."
    assert refusal(tmp_path, bad) == [
        "catalog.yaml:2: products.0: Expected value of type 'ProductCreateInput' to include required field 'name'",
        f"catalog.yaml:3: products.0.nme: Is not a field of ProductCreateInput; those are {fields}.",
        "catalog.yaml:9: prices.0.paymentTerm: Value 'LATER' does not exist in 'PaymentTerm' enum.",
        f"catalog.yaml:11: prices.0.model.standard.unitPrice: {unit_price}",
        f"catalog.yaml:12: prices.0.quantity: {doubtful}",
        "catalog.yaml:13: coupons: Is not a field of Catalog; those are products, prices, plans.",
        *refusal(tmp_path, "\n" * 13 + "plans: {}"),
    ]


def test_a_repeated_or_wrong_name_hides_no_other_problem(tmp_path: Path) -> None:
    json_file = '{"products": [], "products": [{"key": "a"}], "x": 1}'
    assert [line.partition(": ")[2][:28] for line in refusal(tmp_path, json_file, "c.json")] == [
        *('"products" is given twice in', "x: Is not a field of Catalog", "products.0: Expected value o"),
    ]
    assert refusal(tmp_path, "1: a\nproducts:\n  - key: a\n    true: b\nx: 1\n")[::3] == [
        "catalog.yaml:1: <line 1>: A name must be a text; put it in quotes.",
        "catalog.yaml:5: x: Is not a field of Catalog; those are products, prices, plans.",
    ]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        ("- a", "c.yaml", "c.yaml: must hold a mapping with products"),
        ("", "c.yaml", "c.yaml: holds nothing."),
        ("[]", "c.json", "c.json: must hold a mapping"),
        ("{", "c.json", "c.json: not JSON: Expecting property name"),
        ('{"products": NaN}', "c.json", "c.json: NaN is not JSON"),
        ('{"products": [], "products": []}', "c.json", 'c.json: "products" is given twice in one object.'),
        (b"products:\n  - name: \xff", "c.yaml", "c.yaml:2: is not UTF-8."),
        (b"a" * (MAX_BYTES + 1), "c.yml", f"c.yml: has more than {MAX_BYTES} bytes."),
    ],
)
def test_an_unreadable_file_says_why(tmp_path: Path, content: str | bytes, name: str, said: str) -> None:
    assert any(line.startswith(said) for line in refusal(tmp_path, content, name))


def test_a_file_that_is_not_there_or_of_unknown_kind_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        load_catalog(str(tmp_path / "none.yaml"), None, KIND)
    with pytest.raises(CommandError, match="say which it is with --format"):
        format_of("catalog.txt", None)
    assert format_of("catalog.txt", FileFormat.JSON) is FileFormat.JSON
    assert (format_of("A.YML", None), format_of("-", None)) == (FileFormat.YAML, FileFormat.YAML)


def test_stdin_is_read_and_named_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"\xef\xbb\xbfplans: []\nx: 1")))
    with pytest.raises(CommandError, match=r"^stdin:2: x: Is not a field"):
        load_catalog("-", None, KIND)


def test_what_the_server_finds_wrong_is_placed_in_the_file(tmp_path: Path) -> None:
    errors = [
        {"field": "catalog.prices.0.model.standard.unitPrice", "message": "Too much."},
        {"field": "catalog.products.0.description", "message": "Must be given."},
        {"field": "catalog", "message": "Too large."},
        {"field": None, "message": "Busy."},
    ]
    said = load(tmp_path, GOOD).explain(errors).replace(f"{tmp_path}/", "").splitlines()
    assert said == [
        "catalog.yaml:1: Too large.",
        "catalog.yaml:1: Busy.",
        "catalog.yaml:2: products.0.description: Must be given.",
        "catalog.yaml:11: prices.0.model.standard.unitPrice: Too much.",
    ]


@pytest.mark.parametrize("form", FileFormat)
def test_a_written_catalog_reads_the_same(tmp_path: Path, form: FileFormat) -> None:
    catalog = load(tmp_path, GOOD).catalog
    assert load(tmp_path, write_catalog(catalog, form), f"again.{form}").catalog == catalog
