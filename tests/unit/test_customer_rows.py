"""Whose rows a loader may read: every table is a customer's by a rule, linked to, or not for customers at all."""

import ast

from sqlalchemy import Table
from sqlmodel import SQLModel

from app import models  # noqa: F401 - which fills the metadata
from app.loaders.customer_rows import LINKED
from app.loaders.owner import Owner, owned_by
from tests.test_tidy import SOURCES

#: The others are found through these.
TABLES = [table for table in SQLModel.metadata.sorted_tables if "id" in table.c]
#: These name a customer and are not for its tokens: what was reported, what was counted, what was decided, the tokens.
KEPT_BACK = {"meter_event", "usage_counter", "invoice_decision", "customer_token", "audit_personal_data"}
#: What is a customer's although no column says so: it hangs on what has one.
HANGING = {
    *("customer", "invoice_line", "credit_note_line", "entitlement_grant", "subscription_change"),
    "subscription_period",
}
OURS, THEIRS = Owner("org_1", "env_1"), Owner("org_1", "env_1", "cus_1")
#: They find by the ids of rows that were read under the owner, or say whom the owner may ask about.
BY_IDS_OF_OWN_ROWS = {
    *("usage_by_subscription", "upcoming_by_subscription", "_projected_by_subscription", "_accounts_by_customer"),
    *("balance_by_entitlement", "_history_by_entitlement", "credit_balances_by_customer"),
}
ASKS_WHOSE = {"owned_by", "_of_merchant", "owned_rows", "usage_by_metric", "receipt_by_event"}
#: Hashes what a filter asks for with the environment's id; what it finds is bound by the list that it narrows.
NARROWS = {"held"}


def condition(owner: Owner, table: Table, *, linked: bool = False) -> str:
    return str(owned_by(owner, table, linked=linked).compile(compile_kwargs={"literal_binds": True}))


def test_a_customer_reads_its_own_rows_and_of_other_tables_none() -> None:
    conditions = {table.name: condition(THEIRS, table) for table in TABLES}
    own = {name for name, text in conditions.items() if text != "false"}
    assert own == {table.name for table in TABLES if "customer_id" in table.c} - KEPT_BACK | HANGING
    for table in TABLES:
        if table.name in own:
            assert conditions[table.name].startswith(f"{condition(OURS, table)} AND ")
            assert "'cus_1'" in conditions[table.name]


def test_what_a_customers_rows_lead_to_is_read_as_a_merchant_reads_it() -> None:
    assert {table.name for table in LINKED} & HANGING == set()
    for table in TABLES:
        led_to = condition(THEIRS, table, linked=True)
        assert led_to == condition(OURS if table in LINKED else THEIRS, table)
        assert "cus_1" not in condition(OURS, table, linked=True)


def test_who_reads_an_environment_by_itself_is_known() -> None:
    found = {
        node.name
        for path, tree in SOURCES.items()
        if path.startswith(("app/loaders/", "app/schema/", "app/resolvers/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "owner.environment_id" in ast.unparse(node)
    }
    assert found == BY_IDS_OF_OWN_ROWS | ASKS_WHOSE | NARROWS
