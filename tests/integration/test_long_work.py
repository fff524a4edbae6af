"""What computes for long: others are served meanwhile, and it never takes all connections."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from app.billing.errors import InvariantBroken
from app.db import LONG_WORK_AT_ONCE
from app.schema import explanation, price_preview
from app.services import plan_previews, planned_usage, price_simulations, replay
from tests.support.api import Api, make_api
from tests.support.priced_catalog import make_metric, make_plan, make_price, standard
from tests.support.turns import count_turns

PREVIEW = 'pricePreview(model: { standard: { unitPrice: "1" } }, currency: "USD", quantity: "1") { amount { amount } }'
PLAN = 'planPreview(planId: "pro", usage: [{ billableMetricId: "calls", quantity: "3" }]) { total { amount } }'
SIMULATION = """priceSimulate(metricId: "calls", model: { standard: { unitPrice: "1" } },
  from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z") { totalCount }"""
REPLAY = 'invoiceReplay(invoiceId: "<invoice>") { equal }'


async def set_up(api: Api) -> str:
    """Make a plan of a metric and a fee that is charged every month of a year; return the id of an issued invoice."""
    await api.make("productCreate", key="llm", name="LLM")
    await make_metric(api, "calls", "COUNT")
    await api.make("feeCreate", key="platform", productId="llm", name="Platform")
    await make_price(api, "call", standard("2"), {"billableMetricId": "calls"}, cadence="MONTHLY")
    await make_price(api, "base", standard("5"), {"feeId": "platform"}, paymentTerm="IN_ADVANCE")
    await make_plan(api, ["call", "base"], key="pro", billingInterval="YEARLY")
    customer = await api.make("customerCreate", name="Acme")
    made = await api.mutate("subscriptionCreate", "invoice { id }", customerId=customer, planId="pro")
    return str(made["invoice"]["id"])


@pytest.mark.parametrize(
    ("module", "name", "field"),
    [
        (price_preview, "preview_price", PREVIEW),
        (plan_previews, "share_out", PLAN),
        (plan_previews, "_invoiced", PLAN),
        (price_simulations, "_compare", SIMULATION),
        (replay, "_differences", REPLAY),
    ],
)
async def test_others_are_served_while_something_is_computed(
    database_url: str, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, field: str
) -> None:
    computed: Callable[..., Any] = getattr(module, name)
    main, threads = threading.get_ident(), []

    def watched(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return computed(*given)

    monkeypatch.setattr(module, name, watched)
    async with make_api(database_url) as api:
        await api.gql(f"{{ {field.replace('<invoice>', await set_up(api))} }}")
    assert len(threads) == 1
    assert main not in threads


@pytest.mark.parametrize(
    ("module", "name", "field", "count"),
    [
        (price_preview, "preview_price", PREVIEW, 20),
        (plan_previews, "_invoiced", PLAN, 20),
        (price_simulations, "_compare", SIMULATION, 3),  # more cost more than a request may
        (replay, "_differences", REPLAY, 20),
    ],
)
async def test_the_many_fields_of_one_request_take_turns(
    database_url: str, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, field: str, count: int
) -> None:
    seen = count_turns(monkeypatch, module, name)
    async with make_api(database_url) as api:
        asked = field.replace("<invoice>", await set_up(api))
        answered = await api.gql(f"{{ {' '.join(f'f{place}: {asked}' for place in range(count))} }}")
        assert len({str(value) for value in answered.values()}) == 1
    assert len(seen) == count
    assert max(seen) <= LONG_WORK_AT_ONCE


async def test_the_usage_of_a_plan_preview_is_measured_once_for_all_windows(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = planned_usage
    computed, measured = module.measure_given, []

    def watched(*given: Any) -> Any:
        measured.append(given[0])
        return computed(*given)

    monkeypatch.setattr(planned_usage, "measure_given", watched)
    async with make_api(database_url) as api:
        await set_up(api)
        answered = await api.gql(f"{{ {PLAN.replace('total', 'invoices { billedAt } total')} }}")
    # Twelve months of 3 calls at 2, and the next year's fee.
    assert answered["planPreview"]["total"] == {"amount": "77.00"}
    assert len(answered["planPreview"]["invoices"]) == 12
    assert measured == ["COUNT"]


async def test_a_line_is_explained_once_a_request_beside_the_loop(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = explanation
    computed, threads = module.explain_line, []

    def watched(row: Any) -> Any:
        threads.append(threading.get_ident())
        return computed(row)

    monkeypatch.setattr(explanation, "explain_line", watched)
    async with make_api(database_url) as api:
        await set_up(api)
        again = " ".join(f"e{place}: explanation {{ steps {{ operation }} }}" for place in range(50))
        answered = await api.gql(f"{{ invoices(first: 5) {{ nodes {{ lines {{ {again} }} }} }} }}")
    [line] = answered["invoices"]["nodes"][0]["lines"]
    assert list(line.values()) == [{"steps": [{"operation": name} for name in ("QUANTITY", "PRICE", "ROUND")]}] * 50
    assert len(threads) == 1
    assert threading.get_ident() not in threads


async def test_a_line_that_can_not_be_explained_fails_alone(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = explanation
    computed = module.explain_line

    async with make_api(database_url) as api:
        bad = await set_up(api)
        customer = await api.make("customerCreate", name="Beta")
        made = await api.mutate("subscriptionCreate", "invoice { id }", customerId=customer, planId="pro")

        def broken(row: Any) -> Any:
            if row.invoice_id == bad:
                raise InvariantBroken("The stored inputs are none.")
            return computed(row)

        monkeypatch.setattr(explanation, "explain_line", broken)
        asked = "{ lines { explanation { steps { operation } } } }"
        one, other = (f'invoice(id: "{invoice}") {asked}' for invoice in (bad, made["invoice"]["id"]))
        answer = await api.answer(f"{{ bad: {one} good: {other} }}")
    steps = [{"operation": name} for name in ("QUANTITY", "PRICE", "ROUND")]
    assert answer["data"] == {"bad": None, "good": {"lines": [{"explanation": {"steps": steps}}]}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
