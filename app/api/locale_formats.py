"""How a locale writes amounts, numbers, shares and dates. Digits are Latin, and those of amounts are ISO 4217's."""

import re
from copy import copy
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval
from babel.numbers import NumberPattern

from app.billing.decimals import canonical, shifted
from app.billing.money import minor_digits, minor_to_decimal
from app.billing.periods import Period

# The formatter calculates with the ambient context: wide enough for any sum of bounded amounts, and loud if it is not.
_WIDE = Context(prec=10_000, traps=[Inexact, InvalidOperation])
# The CLDR puts a space between a digit and a currency that ends in a letter, which the formatter leaves to us.
_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_ONE_TICK = timedelta(microseconds=1)


class Formats:
    """The formats of a locale like de-AT, for amounts in a currency and dates in a zone."""

    def __init__(self, locale: str, currency: str, timezone: str) -> None:
        """Take the names of all three, which were checked before they were stored."""
        self._locale = Locale.parse(locale, sep="-")
        self._currency = currency
        self._zone = ZoneInfo(timezone)

    def money(self, minor: int) -> str:
        """Write an amount of minor units with all places of its currency, as in $1,234.50."""
        return self._amount(minor_to_decimal(minor, self._currency), minor_digits(self._currency))

    def price(self, amount: Decimal) -> str:
        """Write a price in major units with all the places that it has, and at least those of its currency."""
        return self._amount(amount, max(minor_digits(self._currency), _places(amount)))

    def number(self, value: Decimal) -> str:
        """Write a number with all its places."""
        return self._written(self._locale.decimal_formats[None], value, _places(value))

    def percent(self, share: Decimal) -> str:
        """Write a share of 1 as a percentage with all its places: 0.0725 is 7.25 %."""
        return self._written(self._locale.percent_formats[None], share, _places(shifted(canonical(share), 2)))

    def day(self, instant: datetime) -> date:
        """Return the day of local time on which an instant lies."""
        return instant.astimezone(self._zone).date()

    def date(self, instant: datetime) -> str:
        """Write the day of an instant in full."""
        return format_date(self.day(instant), "long", self._locale)

    def span(self, period: Period) -> str:
        """Write the first and the last day that a period touches; its end belongs to the next one."""
        last = max(period.start, period.end - _ONE_TICK)
        return format_interval(self.day(period.start), self.day(last), "yMMMd", locale=self._locale)

    def _amount(self, amount: Decimal, places: int) -> str:
        written = self._written(self._locale.currency_formats["standard"], amount, places)
        return _TOUCHING.sub("\N{NO-BREAK SPACE}", written)

    def _written(self, pattern: NumberPattern, value: Decimal, places: int) -> str:
        exact = copy(pattern)
        exact.frac_prec = (places, places)
        with localcontext(_WIDE):
            written: str = exact.apply(value, self._locale, currency=self._currency, currency_digits=False)
        return written


def _places(value: Decimal) -> int:
    exponent = canonical(value).as_tuple().exponent
    assert isinstance(exponent, int), "what is stored is finite"
    return max(-exponent, 0)
