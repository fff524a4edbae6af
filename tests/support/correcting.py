"""Corrections of invoices as a merchant makes them, written out whole, and what they must add up to."""

from decimal import Decimal
from typing import Any

from app import models
from tests.support.api import Api
from tests.support.story import Story, fee

NOTE = """creditNote { id total { amount } amount { amount } discount { amount } tax { amount }
  reducedDue { amount } toCredit { amount } refunded { amount } refunds { nodes { amount { amount } } }
  lines { amount { amount } discount { amount } tax { amount } total { amount } invoiceLine { description } } }"""
STANDING = """query($id: ID!) { invoice(id: $id) { status total { amount } creditApplied { amount }
  credited { amount } amountPaid { amount } amountDue { amount } decisions { kind amount { amount } }
  customer { creditBalances { amount } } } }"""
BOOKS = """{ customers { nodes { creditBalances { amount }
    creditEntries(first: 100) { nodes { kind amount { amount } } }
    account(currency: "USD") { openingBalance { amount } closingBalance { amount } hasMore
      entries { kind amount { amount } balance { amount } } } } }
  refunds(first: 100) { totalCount nodes { amount { amount } } }
  invoices(first: 30) { nodes { id status total { amount } carriedToCredit { amount } creditApplied { amount }
    credited { amount } amountPaid { amount } amountDue { amount }
    lines { id amount { amount } }
    payments(first: 10) { nodes { amount { amount } refunded { amount } refunds { nodes { amount { amount } } } } }
    creditNotes(first: 20) { nodes { amount { amount } discount { amount } tax { amount } total { amount }
      reducedDue { amount } toCredit { amount } refunded { amount } refunds { nodes { amount { amount } } }
      lines { amount { amount } discount { amount } tax { amount } total { amount } invoiceLine { id } } } } } } }"""
REPLAY = "query($id: ID!) { invoiceReplay(invoiceId: $id) { equal differences { what } } }"


async def sell_desk(story: Story, **given: Any) -> str:
    """Sell a desk for 100.00 and a seat for 33.33; return the id of Invoice 0, which is not paid."""
    await story.sell({"desk": fee("100"), "seat": fee("33.33")})
    await story.subscribe(**given)
    assert story.zero is not None
    return str(story.zero["id"])


async def line_ids(api: Api) -> dict[str, str]:
    """The ids of all lines by what they are called."""
    return {line.description: line.id for line in await api.rows(models.InvoiceLine)}


async def credit(story: Story, invoice_id: str, **given: Any) -> list[str]:
    """Write a credit note; return what it comes to, and what it takes of which line."""
    payload = await story.api.mutate("creditNoteCreate", NOTE, invoiceId=invoice_id, reason="Outage", **given)
    assert payload["userErrors"] == []
    note = payload["creditNote"]
    assert _sum(note["refunds"]["nodes"], "amount") == _of(note, "refunded")
    became = f"{note['reducedDue']['amount']} off what is due, {note['toCredit']['amount']} to credit"
    head = f"{_parts(note)}: {became}, {note['refunded']['amount']} refunded"
    return [head, *(f"{line['invoiceLine']['description']} {_parts(line)}" for line in note["lines"])]


async def pay(story: Story, invoice_id: str, amount: str | None = None, **given: Any) -> str:
    """Pay an invoice; return the id of the payment."""
    asked = {"invoiceId": invoice_id, "method": "bank_transfer", "amount": amount, **given}
    payload = await story.api.mutate("invoiceRecordPayment", "payment { id }", **asked)
    assert payload["userErrors"] == []
    return str(payload["payment"]["id"])


async def refused(story: Story, mutation: str, **given: Any) -> list[tuple[str, str | None]]:
    """Ask for what is refused; return the codes and fields of its errors, of which there are some."""
    payload = await story.api.mutate(mutation, "__typename", **given)
    assert payload["userErrors"] != []
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def decide(story: Story, mutation: str, invoice_id: str) -> str:
    """Decide about an invoice; return where it stands then."""
    payload = await story.api.mutate(mutation, "invoice { id }", invoiceId=invoice_id, reason="Bankrupt")
    assert payload["userErrors"] == []
    return await standing(story, invoice_id)


async def standing(story: Story, invoice_id: str) -> str:
    """Where an invoice stands, what was decided about it, and what credit its customer has in hand."""
    found = (await story.api.gql(STANDING, id=invoice_id))["invoice"]
    sums = {"credit": "creditApplied", "credited": "credited", "paid": "amountPaid"}
    covered = [f"{name} {found[field]['amount']}" for name, field in sums.items() if _of(found, field)]
    decided = [f"{one['kind']} {one['amount']['amount']}" for one in found["decisions"]]
    in_hand = [f"in hand {one['amount']}" for one in found["customer"]["creditBalances"] if Decimal(one["amount"])]
    head = f"{found['status']} of {found['total']['amount']}"
    return ", ".join([head, *covered, f"due {found['amountDue']['amount']}", *decided, *in_hand])


async def account(story: Story) -> list[str]:
    """The entries of the customer's account, with the balance after each."""
    [customer] = (await story.api.gql(BOOKS))["customers"]["nodes"]
    entries = customer["account"]["entries"]
    return [f"{one['kind']} {one['amount']['amount']}: {one['balance']['amount']}" for one in entries]


async def check_books(story: Story) -> None:
    """Everything adds up: notes, invoices, payments, credit, the account, and each invoice computed again."""
    books = await story.api.gql(BOOKS)
    [customer], invoices = books["customers"]["nodes"], books["invoices"]["nodes"]
    notes = [note for one in invoices for note in one["creditNotes"]["nodes"]]
    payments = [payment for one in invoices for payment in one["payments"]["nodes"]]
    for one in invoices:
        _check_invoice(one)
        replay = (await story.api.gql(REPLAY, id=one["id"]))["invoiceReplay"]
        assert replay == {"equal": True, "differences": []}
    for note in notes:
        assert _of(note, "total") == _of(note, "reducedDue") + _of(note, "toCredit") + _of(note, "refunded")
        assert _sum(note["refunds"]["nodes"], "amount") == _of(note, "refunded")
        for part in ("amount", "discount", "tax", "total"):
            assert _sum(note["lines"], part) == _of(note, part)
            assert all(_of(line, part) >= 0 for line in note["lines"])
    for payment in payments:
        assert _sum(payment["refunds"]["nodes"], "amount") == _of(payment, "refunded") <= _of(payment, "amount")
    assert _sum(books["refunds"]["nodes"], "amount") == _sum(payments, "refunded")
    in_hand = sum((Decimal(one["amount"]) for one in customer["creditBalances"]), Decimal(0))
    assert in_hand >= 0
    owed = _sum([one for one in invoices if one["status"] == "ISSUED"], "amountDue") - in_hand
    _check_account(customer["account"], owed)
    # The same once more, without a look at the account.
    charged = _sum(invoices, "total") - _sum(invoices, "carriedToCredit") - _sum(notes, "total")
    void = [one for one in invoices if one["status"] == "VOID"]
    lost = _sum(void, "total") - _sum(void, "credited")
    lost += _sum([one for one in invoices if one["status"] == "UNCOLLECTIBLE"], "amountDue")
    by_hand = [one for one in customer["creditEntries"]["nodes"] if one["kind"] in ("ADDED", "REMOVED")]
    paid = _sum(payments, "amount") - _sum(payments, "refunded")
    assert charged - lost - _sum(by_hand, "amount") - paid == owed


def _check_invoice(invoice: dict[str, Any]) -> None:
    notes = invoice["creditNotes"]["nodes"]
    assert _of(invoice, "credited") == _sum(notes, "reducedDue")
    covered = sum(_of(invoice, field) for field in ("creditApplied", "credited", "amountPaid"))
    left = _of(invoice, "total") - covered
    assert left >= 0
    assert (left == 0) is (invoice["status"] == "PAID")
    assert _of(invoice, "amountDue") == (0 if invoice["status"] == "VOID" else left)
    assert _sum(notes, "total") <= _of(invoice, "total")
    for line in invoice["lines"]:
        pieces = [piece for note in notes for piece in note["lines"] if piece["invoiceLine"]["id"] == line["id"]]
        assert _sum(pieces, "amount") <= max(_of(line, "amount"), Decimal(0))


def _check_account(account: dict[str, Any], owed: Decimal) -> None:
    balance = _of(account, "openingBalance")
    assert balance == 0
    assert account["hasMore"] is False
    for entry in account["entries"]:
        balance += _of(entry, "amount")
        assert _of(entry, "balance") == balance
    assert balance == _of(account, "closingBalance") == owed


def _parts(row: dict[str, Any]) -> str:
    amount, discount, tax, total = (row[name]["amount"] for name in ("amount", "discount", "tax", "total"))
    return f"{amount} - {discount} + {tax} = {total}"


def _of(row: dict[str, Any], field: str) -> Decimal:
    return Decimal(row[field]["amount"])


def _sum(rows: list[dict[str, Any]], field: str) -> Decimal:
    return sum((_of(row, field) for row in rows), Decimal(0))
