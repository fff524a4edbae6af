"""An invoice as tables: what is charged, and why."""

from typing import Any

from rich.table import Table

from app.cli.terminal import line, show, table, text


def show_invoice(invoice: dict[str, Any]) -> None:
    """Print an invoice, its lines, and the reasons of each line."""
    show(_heading(invoice))
    show(_lines(invoice))
    for each in invoice["lines"]:
        show(_reasons(each))
        events = each["explanation"]["events"]
        for event in events["nodes"]:
            line(f"  event {event['id']} of {event['timestamp']}")
        if (more := events["totalCount"] - len(events["nodes"])) > 0:
            line(f"  and {more} more events")


def _heading(invoice: dict[str, Any]) -> Table:
    heading = table("Invoice", ["number", "status", "issued", "due", "billed to"])
    values = (invoice[name] for name in ("number", "status", "issuedAt", "dueAt"))
    heading.add_row(*(text(value) for value in values), text(invoice["billedTo"]["name"]))
    return heading


def _lines(invoice: dict[str, Any]) -> Table:
    lines = table("Lines", ["line", "period"], ["quantity × price", "amount"])
    for each in invoice["lines"]:
        lines.add_row(*map(text, (each["description"], _span(each["period"]), _product(each), _money(each["amount"]))))
    lines.show_footer = True
    lines.columns[0].footer, lines.columns[-1].footer = "total", text(_money(invoice["total"]))
    return lines


def _reasons(each: dict[str, Any]) -> Table:
    why = f"Why {each['description']} is {_money(each['amount'])}"
    reasons = table(why, ["step", "how"], ["from", "to"])
    for step in each["explanation"]["steps"]:
        reasons.add_row(*(text(step[name]) for name in ("operation", "description", "input", "output")))
    return reasons


def _product(each: dict[str, Any]) -> str:
    """Return quantity times price as the explanation's step of the price words it."""
    priced = [step["description"] for step in each["explanation"]["steps"] if step["operation"] == "PRICE"]
    return str(priced[0]).partition(" = ")[0] if priced else str(each["quantity"])


def _span(period: dict[str, str]) -> str:
    return f"{period['start'][:10]} to {period['end'][:10]}"


def _money(money: dict[str, str]) -> str:
    return f"{money['amount']} {money['currency']}"
