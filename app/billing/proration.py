"""Parts of periods and their share of the whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from app.billing.decimals import parse_plain, plain, shifted
from app.billing.errors import InvariantBroken
from app.billing.periods import Period

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PartOfPeriod:
    """A part of a whole period; both are the same where nothing is missing."""

    part: Period
    whole: Period

    @property
    def share(self) -> "Share | None":
        """The part's share of the whole by seconds; None where the part is the whole."""
        if self.part == self.whole:
            return None
        return Share(seconds(self.part), seconds(self.whole))


@dataclass(frozen=True, slots=True)
class Share:
    """A share of a period: so many seconds of the seconds of the whole one.

    A share that was given as a number, as in a preview, is so much of a whole of 1.
    """

    part: Decimal
    whole: Decimal

    @property
    def exact(self) -> Fraction:
        """The share as an exact fraction."""
        return Fraction(self.part) / Fraction(self.whole)

    def to_json(self) -> dict[str, str]:
        """Return the stored form."""
        return {"part": plain(self.part), "whole": plain(self.whole)}


def share_from_json(data: Mapping[str, object] | None) -> Share | None:
    """Read what `Share.to_json` wrote; None is the whole period. InvariantBroken when it is something else."""
    match data:
        case None:
            return None
        case {"part": str(part), "whole": str(whole)}:
            try:
                share = Share(parse_plain(part), parse_plain(whole))
            except ValueError as error:
                raise InvariantBroken("The stored share of a period can't be read.") from error
            if 0 <= share.part <= share.whole and share.whole > 0:
                return share
    raise InvariantBroken("The stored share of a period is none.")


def seconds(period: Period) -> Decimal:
    """Return how long a period lasts, to the microsecond."""
    return shifted(Decimal((period.end - period.start) // _MICROSECOND), -6)
