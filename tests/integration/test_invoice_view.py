"""What the page of an invoice says, in the locales of its readers."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.billing.invoicing import Series
from app.billing.lifecycle import InvoiceStatus
from app.billing.periods import Period
from app.billing.tax import TaxBehavior, TaxTerms
from tests.support.invoicing import ACME, EXAMPLE_INC, Charged, fee, invoiced, showcase
from tests.support.printed import Page, make_printer

THIN_DASH = "\u2009\N{EN DASH}\u2009"


def sums(page: Page) -> list[tuple[str, str]]:
    """Return what stands below the lines: labels and amounts."""
    below = page.source.partition('class="sums"')[2].partition("</table>")[0]
    texts = [text for _, text in Page(f"<table {below}</table>").texts][1:]
    return list(zip(texts[::2], texts[1::2], strict=True))


async def test_an_invoice_with_everything_says_all_of_it(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        page = await printer.page(await showcase(printer.world))
    assert sums(page) == [
        ("Subtotal", "$543.43"),
        ("Launch year (10%)", "-$54.34"),
        ("Service credit for 3 February", "-$25.00"),
        ("Tax 19%", "$88.18"),
        ("Total", "$552.27"),
        ("Credit applied", "-$40.00"),
        ("Paid", "-$100.00"),
        ("Amount due", "$412.27"),
    ]
    for text in (
        "Example Inference GmbH Beispielstra\u00dfe 12 10115 Berlin Germany Tax ID: DE123456789",
        "Acme Robotics, Inc. 500 Sample Avenue Suite 210 San Francisco, CA 94105 United States billing@acme.example",
        "Date of issue March 1, 2026 Due date March 31, 2026 Currency US Dollar (USD)",
        f"Output tokens, large model Feb 1{THIN_DASH}28, 2026 14,250,000 token By tiers $202.50",
        f"Embeddings Feb 1{THIN_DASH}28, 2026 48,200 document $0.40 per 1,000 document $17.60",
        f"Card payments Feb 1{THIN_DASH}28, 2026 1,180.5 USD 2.9% $34.23",
        f"Log storage Feb 1{THIN_DASH}28, 2026 12,840.75 GB-hour $0.0025 per GB-hour $32.10",
        f"Platform fee Mar 1{THIN_DASH}31, 2026 3 $49.00 $147.00",
        "Tax summary Rate Taxed amount Tax 19% $464.09 $88.18",
        "Tier above 1,000,000, up to 10,000,000: 9,000,000 token \N{MULTIPLICATION SIGN} 0.000015 USD = 135.00 USD",
        "What made no difference: \u201cService credit for 3 February\u201d is for periods that begin from",
    ):
        assert text.replace("\u2009", " ") in page.text, text
    assert "In these sentences" not in page.text


async def test_credit_notes_stand_between_the_total_and_what_is_due(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        page = await printer.page(await showcase(printer.world, credited_minor=15227))
    assert sums(page)[4:] == [
        ("Total", "$552.27"),
        ("Credit applied", "-$40.00"),
        ("Credit notes", "-$152.27"),
        ("Paid", "-$100.00"),
        ("Amount due", "$260.00"),
    ]


NBSP, NARROW, RLM = "\u00a0", "\u202f", "\u200f"


@pytest.mark.parametrize(
    ("locale", "currency", "price", "texts"),
    [
        ("en", "USD", "1234.5", ["$1,234,500.00", "1,000", "7.25%", "March 1, 2026"]),
        ("de", "EUR", "1234.5", [f"1.234.500,00{NBSP}€", "1.000", f"7,25{NBSP}%", "1. M\u00e4rz 2026"]),
        ("fr", "EUR", "1234.5", [f"1{NARROW}234{NARROW}500,00{NBSP}€", f"1{NARROW}000", f"7,25{NBSP}%", "1 mars 2026"]),
        ("ja", "JPY", "1234", ["\uffe51,234,000", "1,000", "7.25%", "2026\u5e743\u67081\u65e5"]),
        ("en", "KWD", "0.0015", [f"KWD{NBSP}1.500", "1,000", "7.25%", "March 1, 2026"]),
        ("en", "CLF", "1.23456", [f"CLF{NBSP}1,234.5600", "1,000", "7.25%", "March 1, 2026"]),
        ("ar", "SAR", "1.5", [f"{RLM}1,500.00{NBSP}ر.س.{RLM}", "1,000", "7.25%", "1 \u0645\u0627\u0631\u0633 2026"]),
    ],
)
async def test_numbers_and_dates_are_those_of_the_reader(
    database_url: str, locale: str, currency: str, price: str, texts: list[str]
) -> None:
    async with make_printer(database_url) as printer:
        line = Charged("Seats", fee(price, currency, "1000"))
        given: dict[str, Any] = {"billed_to": {**ACME, "locale": locale}, "tax": TaxTerms(rate=Decimal("0.0725"))}
        page = await printer.page(await invoiced(printer.world, line, **given))
    assert [text for text in texts if text not in [shown for _, shown in page.texts]] == []
    assert {attributes.get("lang") for tag, attributes in page.elements if tag == "time"} == {locale}
    assert sums(page)[0] == ("Subtotal", texts[0])
    assert ("In these sentences" in page.text) is (locale in ("de", "fr"))


async def test_days_are_those_of_the_subscription(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        night = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
        line = Charged(
            "Seats", fee("1"), Period(datetime(2026, 1, 31, 23, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC))
        )
        given: dict[str, Any] = {"issued_at": night, "due_at": night, "paid_at": night, "timezone": "Europe/Berlin"}
        page = await printer.page(await invoiced(printer.world, line, status=InvoiceStatus.PAID, **given))
    assert page.within("time") == ["March 1, 2026"] * 3
    assert "Date of issue March 1, 2026 Due date March 1, 2026 Paid on March 1, 2026" in page.text
    assert f"Feb 1{THIN_DASH}28, 2026" in page.within("tbody")
    assert "Days are those of the time zone Europe/Berlin" in page.text


async def test_a_draft_says_that_it_is_one(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        draft: dict[str, Any] = {"status": InvoiceStatus.DRAFT, "number": None, "issued_at": None, "due_at": None}
        page = await printer.page(await showcase(printer.world, **draft))
    assert page.within("h1") == ["Draft invoice"]
    assert "This is a draft: it has no number, may still change, and is not to be paid." in page.text
    assert page.within("time") == []
    assert sums(page)[-1] == ("Total", "$552.27")


async def test_a_void_invoice_keeps_its_number_and_is_not_owed(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        page = await printer.page(await showcase(printer.world, status=InvoiceStatus.VOID))
    assert page.within("h1") == ["Invoice INV-000042"]
    assert "This invoice is void: it is no longer owed." in page.text
    assert sums(page)[-1] == ("Total", "$552.27")


@pytest.mark.parametrize("series", [Series.SANDBOX, Series.TEST])
async def test_what_is_not_live_is_said_to_be_for_trying_out(database_url: str, series: Series) -> None:
    async with make_printer(database_url) as printer:
        page = await printer.page(await showcase(printer.world, series=series))
        live = await printer.page(await showcase(printer.world, number="INV-000043"))
    notice = "This invoice was made for trying things out: no real money is owed."
    assert (notice in page.text, notice in live.text) == (True, False)


async def test_tax_that_prices_hold_is_shown_and_not_added(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        tax = TaxTerms(TaxBehavior.INCLUSIVE, Decimal("0.19"))
        page = await printer.page(await invoiced(printer.world, Charged("Seats", fee("119")), tax=tax))
    assert sums(page) == [("Subtotal", "$119.00"), ("Total", "$119.00"), ("Amount due", "$119.00")]
    assert "Rate Amount with tax Tax 19% $119.00 $19.00 The prices include the tax." in page.text


async def test_an_exemption_says_why(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        tax = TaxTerms(rate=Decimal("0.19"), exemption="Reverse charge")
        page = await printer.page(await invoiced(printer.world, Charged("Seats", fee("100")), tax=tax))
    assert sums(page)[-1] == ("Amount due", "$100.00")
    assert "No tax is charged: Reverse charge" in page.text
    assert "Tax summary" not in page.text


async def test_what_lies_below_zero_is_carried_to_credit(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        lines = (Charged("Seats", fee("10")), Charged("Correction", fee("-30")))
        page = await printer.page(await invoiced(printer.world, *lines, tax=TaxTerms(rate=Decimal("0.1"))))
    assert sums(page) == [
        ("Subtotal", "-$20.00"),
        ("Tax 10%", "-$2.00"),
        ("Carried to your credit", "$22.00"),
        ("Total", "$0.00"),
        ("Amount due", "$0.00"),
    ]


async def test_a_line_typed_by_hand_says_what_one_costs(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        invoice = await invoiced(printer.world, Charged("Support", fee("55", quantity="2"), by_hand=True))
        page = await printer.page(invoice)
    assert f"Support Feb 1{THIN_DASH}28, 2026 2 $55.00 $110.00".replace("\u2009", " ") in page.text


async def test_invoices_from_before_there_were_addresses_are_shown(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        given: dict[str, Any] = {"billed_to": {"name": "Acme", "email": None}, "summary": {}}
        given["billed_from"] = {"name": "Example Inc.", "address": None, "taxId": None}
        page = await printer.page(await invoiced(printer.world, Charged("Seats", fee("100")), **given))
        empty = await printer.page(await invoiced(printer.world, number="INV-000043"))
    assert page.within("address") == ["Example Inc.", "Acme"]
    assert "Tax ID" not in page.text
    assert "Nothing is charged." in empty.text
    assert sums(empty) == [("Subtotal", "$0.00"), ("Total", "$0.00"), ("Amount due", "$0.00")]


async def test_a_part_of_an_address_that_is_blank_takes_no_line(database_url: str) -> None:
    async with make_printer(database_url) as printer:
        address = {
            "line1": "1 Way",
            "line2": " ",
            "city": "Hong Kong",
            "postalCode": None,
            "region": "",
            "country": "HK",
        }
        given: dict[str, Any] = {"billed_from": {**EXAMPLE_INC, "address": address}}
        page = await printer.page(await invoiced(printer.world, Charged("Seats", fee("1")), **given))
    assert page.within("address")[:4] == ["Example Inference GmbH", "1 Way", "Hong Kong", "Hong Kong SAR China"]
