"""What is refused: each problem with its code and field, all at once in the input's order, and nothing written."""

from typing import Any

from sqlalchemy import text
from sqlmodel import SQLModel

from app.billing.errors import ErrorCode
from tests.support.api import Api, make_api

STANDARD = {"standard": {"unitPrice": "1"}}
ABSENT = "0" * 26


async def snapshot(api: Api) -> dict[str, list[Any]]:
    """Return every row of every table but the keys, whose last use is no business of a refusal."""
    names = [table.name for table in SQLModel.metadata.sorted_tables if table.name != "api_key"]
    async with api.sessions.read() as session:
        return {
            name: sorted(map(str, (await session.execute(text(f'SELECT * FROM "{name}"'))).all())) for name in names
        }


async def set_up(api: Api) -> dict[str, str]:
    """Make one of everything, and return the ids by what they are."""
    product = await api.make("productCreate", name="Engine", key="engine")
    other = await api.make("productCreate", name="Other")
    metric = await api.make(
        "billableMetricCreate",
        productId=product,
        name="Tokens",
        unit="token",
        eventType="x",
        aggregation="SUM",
        valueProperty="$.t",
    )
    fee = await api.make("feeCreate", productId=product, name="Fee")
    price = {"invoiceDisplayName": "Fee", "paymentTerm": "IN_ADVANCE", "model": STANDARD}
    usd = await api.make("priceCreate", target={"feeId": fee}, **price)
    eur = await api.make("priceCreate", target={"feeId": fee}, currency="EUR", **price)
    plan = await api.make("planCreate", productId=product, name="Pro", billingInterval="MONTHLY", priceIds=[usd])
    clock = await api.make("testClockCreate", name="clock", now="2026-01-31T00:00:00Z")
    customer = await api.make("customerCreate", name="Acme", externalId="acme-1", testClockId=clock)
    subscribed = await api.mutate("subscriptionCreate", "invoice { id }", customerId=customer, planId=plan)
    return {
        "product": product,
        "other": other,
        "metric": metric,
        "fee": fee,
        "usd": usd,
        "eur": eur,
        "plan": plan,
        "clock": clock,
        "customer": customer,
        "invoice": subscribed["invoice"]["id"],
    }


METRIC = {"productId": "<product>", "name": "M", "unit": "u", "eventType": "x", "aggregation": "COUNT"}
PRICE = {"target": {"feeId": "<fee>"}, "invoiceDisplayName": "F", "paymentTerm": "IN_ADVANCE", "model": STANDARD}
PLAN = {"productId": "<product>", "name": "P", "billingInterval": "MONTHLY", "priceIds": ["<usd>"]}
PAY = {"invoiceId": "<invoice>", "method": "x"}

REFUSED: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("productCreate", {"name": ""}, [("BLANK", "name")]),
    ("productCreate", {"name": "x" * 256}, [("TOO_LONG", "name")]),
    ("productCreate", {"name": "a\u202eb"}, [("INVALID", "name")]),
    ("productCreate", {"name": "P", "key": "engine"}, [("TAKEN", "key")]),
    ("productCreate", {"name": " ", "key": "Not A Slug"}, [("INVALID", "key"), ("BLANK", "name")]),
    ("productCreate", {"name": "P", "metadata": {"a": 1}}, [("INVALID", "metadata.a")]),
    ("productCreate", {"name": "P", "idempotencyKey": ""}, [("INVALID", "idempotencyKey")]),
    ("productCreate", {"name": "", "idempotencyKey": "a\u0001"}, [("BLANK", "name"), ("INVALID", "idempotencyKey")]),
    ("productUpdate", {"id": "<product>", "name": None, "metadata": None}, [("BLANK", "name"), ("BLANK", "metadata")]),
    ("merchantUpdate", {"graceSeconds": None}, [("BLANK", "graceSeconds")]),
    ("merchantUpdate", {"initialPaymentDays": None}, [("BLANK", "initialPaymentDays")]),
    ("merchantUpdate", {"initialPaymentDays": 0}, [("OUT_OF_RANGE", "initialPaymentDays")]),
    ("merchantUpdate", {"initialPaymentDays": 366}, [("OUT_OF_RANGE", "initialPaymentDays")]),
    ("productUpdate", {"id": f"prod_{ABSENT}", "name": "P"}, [("NOT_FOUND", "id")]),
    ("billableMetricCreate", METRIC | {"productId": f"prod_{ABSENT}"}, [("NOT_FOUND", "productId")]),
    ("billableMetricCreate", METRIC | {"aggregation": "SUM"}, [("BLANK", "valueProperty")]),
    ("billableMetricCreate", METRIC | {"groupBy": [{"name": "a b", "path": "x"}]}, [
        ("INVALID", "groupBy.0.name"), ("INVALID", "groupBy.0.path"),
    ]),
    ("billableMetricCreate", METRIC | {"productId": "none", "name": "", "eventType": ""}, [
        ("NOT_FOUND", "productId"), ("BLANK", "name"), ("BLANK", "eventType"),
    ]),
    ("feeCreate", {"productId": "<product>", "name": "\n"}, [("BLANK", "name")]),
    ("priceCreate", PRICE | {"model": {"standard": {"unitPrice": "-1"}}}, [
        ("OUT_OF_RANGE", "model.standard.unitPrice"),
    ]),
    ("priceCreate", PRICE | {"quantity": "0"}, [("OUT_OF_RANGE", "quantity")]),
    ("priceCreate", PRICE | {"target": {"billableMetricId": "<metric>"}}, [("INVALID", "paymentTerm")]),
    ("priceCreate", PRICE | {"target": {"feeId": f"fee_{ABSENT}"}}, [("NOT_FOUND", "target.feeId")]),
    ("priceUpdate", {"id": "<usd>", "invoiceDisplayName": "Other"}, [("IN_USE", "invoiceDisplayName")]),
    ("planCreate", PLAN | {"billingVersion": 2}, [("UNSUPPORTED", "billingVersion")]),
    ("planCreate", PLAN | {"priceIds": ["<eur>"]}, [("CURRENCY_MISMATCH", "priceIds.0")]),
    ("planCreate", PLAN | {"productId": "<other>"}, [("PRODUCT_MISMATCH", "priceIds.0")]),
    ("planCreate", PLAN | {"priceIds": []}, [("OUT_OF_RANGE", "priceIds")]),
    ("planCreate", PLAN | {"priceIds": [f"price_{ABSENT}", "<usd>"]}, [("NOT_FOUND", "priceIds.0")]),
    ("customerCreate", {"name": "A", "externalId": "acme-1"}, [("TAKEN", "externalId")]),
    ("customerCreate", {"name": "A", "externalId": "no spaces"}, [("INVALID", "externalId")]),
    ("customerCreate", {"name": "A", "email": "nowhere"}, [("INVALID", "email")]),
    ("customerCreate", {"name": "A", "testClockId": f"clk_{ABSENT}"}, [("NOT_FOUND", "testClockId")]),
    ("subscriptionCreate", {"customerId": "<customer>", "planId": "<plan>"}, [("SUBSCRIPTION_EXISTS", "planId")]),
    ("subscriptionCreate", {"customerId": "<customer>"}, [("BLANK", "planId")]),
    ("subscriptionCreate", {"customerId": f"cus_{ABSENT}", "planId": f"plan_{ABSENT}", "paymentTermDays": -1}, [
        ("NOT_FOUND", "customerId"), ("NOT_FOUND", "planId"), ("OUT_OF_RANGE", "paymentTermDays"),
    ]),
    ("invoiceRecordPayment", PAY | {"amount": "1.01"}, [("PAYMENT_EXCEEDS_DUE", "amount")]),
    ("invoiceRecordPayment", PAY | {"amount": "0.001"}, [("INVALID", "amount")]),
    ("invoiceRecordPayment", PAY | {"amount": "-1"}, [("OUT_OF_RANGE", "amount")]),
    ("invoiceRecordPayment", {"invoiceId": f"inv_{ABSENT}", "method": ""}, [
        ("NOT_FOUND", "invoiceId"), ("BLANK", "method"),
    ]),
    ("testClockAdvance", {"id": "<clock>", "to": "2026-01-30T00:00:00Z"}, [("CLOCK_BACKWARDS", "to")]),
    ("testClockAdvance", {"id": "<clock>", "to": "2028-02-01T00:00:00Z"}, [("CLOCK_LEAP_TOO_LONG", "to")]),
    ("testClockAdvance", {"id": f"clk_{ABSENT}", "to": "2026-02-01T00:00:00Z"}, [("NOT_FOUND", "id")]),
    ("merchantUpdate", {"timezone": "Mars/Base", "graceSeconds": -1}, [
        ("INVALID", "timezone"), ("OUT_OF_RANGE", "graceSeconds"),
    ]),
    ("apiKeyCreate", {"name": "k", "scopes": []}, [("BLANK", "scopes")]),
    ("apiKeyRevoke", {"id": f"key_{ABSENT}"}, [("NOT_FOUND", "id")]),
]  # fmt: skip

# What no draft can hold is refused by the schema, as a whole and before anything runs.
UNREADABLE: list[tuple[str, dict[str, Any]]] = [
    ("priceCreate", PRICE | {"model": {"standard": {"unitPrice": "NaN"}}}),
    ("priceCreate", PRICE | {"model": {"standard": {"unitPrice": "1e5"}}}),
    ("priceCreate", PRICE | {"model": {"standard": {"unitPrice": "0.0000000000000000001"}}}),
    ("priceCreate", PRICE | {"model": {"standard": {"unitPrice": "100000000000000000000"}}}),
    ("priceCreate", PRICE | {"model": {}}),
    ("priceCreate", PRICE | {"target": {"feeId": "<fee>", "billableMetricId": "<metric>"}}),
    ("priceCreate", PRICE | {"currency": "XXY"}),
    ("planCreate", PLAN | {"billingInterval": "DAILY"}),
    ("testClockCreate", {"name": "c", "now": "2026-01-31"}),
    ("customerCreate", {"name": 5}),
]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """Put ids in the place of their <names>."""
    if isinstance(value, dict):
        return {name: filled(item, ids) for name, item in value.items()}
    if isinstance(value, list):
        return [filled(item, ids) for item in value]
    return ids.get(value[1:-1], value) if isinstance(value, str) and value.startswith("<") else value


async def test_refused_inputs_name_every_problem_and_write_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        ids = await set_up(api)
        before = await snapshot(api)
        wrong = []
        for name, given, expected in REFUSED:
            payload = await api.mutate(name, "__typename", **filled(given, ids))
            problems = [(error["code"], error["field"]) for error in payload["userErrors"]]
            wrong += [] if problems == expected else [(name, given, problems)]
        assert wrong == []
        assert await snapshot(api) == before


async def test_unreadable_inputs_are_refused_as_a_whole_and_write_nothing(database_url: str) -> None:
    async with make_api(database_url) as api:
        ids = await set_up(api)
        before = await snapshot(api)
        for name, given in UNREADABLE:
            kind = f"{name[0].upper()}{name[1:]}Input"
            query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}"
            answer = await api.answer(query, input=filled(given, ids))
            assert answer["errors"], (name, given)
            assert "INTERNAL" not in str(answer), (name, answer)
        assert await snapshot(api) == before


async def test_a_clock_holds_a_hundred_customers(database_url: str) -> None:
    async with make_api(database_url) as api:
        clock = await api.make("testClockCreate", name="clock")
        for _ in range(100):
            await api.make("customerCreate", name="A", testClockId=clock)
        payload = await api.mutate("customerCreate", "customer { id }", name="A", testClockId=clock)
        assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [
            (ErrorCode.CLOCK_FULL, "testClockId")
        ]


async def test_what_another_environment_or_merchant_has_reads_as_absent(database_url: str) -> None:
    async with make_api(database_url) as api:
        ids = await set_up(api)
        stranger = await api.another_merchant()
        for other in (api.in_sandbox(), stranger):
            before = await snapshot(api)
            for name, given in (
                ("productUpdate", {"id": "<product>", "name": "X"}),
                ("feeCreate", {"productId": "<product>", "name": "X"}),
                ("customerUpdate", {"id": "<customer>", "name": "X"}),
                ("invoiceRecordPayment", {"invoiceId": "<invoice>", "method": "x"}),
                ("testClockAdvance", {"id": "<clock>", "to": "2026-03-01T00:00:00Z"}),
                ("subscriptionCreate", {"customerId": "<customer>", "planId": "<plan>"}),
            ):
                payload = await other.mutate(name, "__typename", **filled(given, ids))
                assert {error["code"] for error in payload["userErrors"]} == {"NOT_FOUND"}, (name, payload)
            assert await snapshot(api) == before
            nodes = await other.gql("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=list(ids.values()))
            assert nodes == {"nodes": [None] * len(ids)}
