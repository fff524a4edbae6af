"""Links to the pages of invoices. The signed token in one is all that its holder needs, until it expires."""

import base64
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.billing.errors import ErrorCode, Problems
from app.models import EnvironmentKind, table_of

DEFAULT_VALID_DAYS = 30
MAX_VALID_DAYS = 365

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_ID = "[0-7][0-9a-hjkmnp-tv-z]{25}"
_TOKEN = re.compile(rf"(org_{_ID})\.(inv_{_ID})\.([1-9][0-9]{{0,10}})\.[A-Za-z0-9_-]{{43}}")


class Signer(Protocol):
    """The environment that a link is of, be it a model or a light row."""

    id: str
    merchant_id: str
    kind: EnvironmentKind
    page_secret: str


def page_path(signer: Signer, invoice_id: str, now: datetime, valid_for_days: int) -> str:
    """Return the path of an invoice's page, which works for so many days from now. Refused unless they are 1 to 365."""
    problems = Problems()
    if not 1 <= valid_for_days <= MAX_VALID_DAYS:
        problems.add(ErrorCode.OUT_OF_RANGE, "validForDays", f"Must be 1 to {MAX_VALID_DAYS} days.")
    problems.raise_if_any()
    token = _signed(signer, invoice_id, _seconds(now + timedelta(days=valid_for_days)))
    return f"{signer.kind.path_prefix}/invoices/{token}"


def opened(signer: Signer, token: str, now: datetime) -> str | None:
    """Return the id of the invoice that an environment's token opens; None if it made none such, or it has expired."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    _, invoice_id, expires = match.groups()
    # The whole text is made again and compared, so that no part of it has two ways of being written.
    if not hmac.compare_digest(_signed(signer, invoice_id, int(expires)).encode(), token.encode()):
        return None
    return invoice_id if _seconds(now) < int(expires) else None


async def linked_invoice(
    session: AsyncSession, kind: EnvironmentKind, token: str, now: datetime
) -> tuple[str, str] | None:
    """Return the ids of the environment and the invoice that a token is for; None for one that is not good now.

    Nobody is told why: altered, expired, and made for another environment or kind of environment all read the same.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    environments = table_of(models.Environment)
    mine = (environments.c.merchant_id == match[1], environments.c.kind == kind)
    signer: Any = (await session.execute(select(environments).where(*mine))).one_or_none()
    invoice_id = None if signer is None else opened(signer, token, now)
    return None if invoice_id is None else (signer.id, invoice_id)


def _signed(signer: Signer, invoice_id: str, expires: int) -> str:
    """Return the token. The environment's id is signed and not shown, as cursors are sealed with it."""
    content = f"{signer.merchant_id}.{invoice_id}.{expires}"
    message = f"invoice page {signer.id} {content}".encode()
    signature = hmac.digest(bytes.fromhex(signer.page_secret), message, "sha256")
    return f"{content}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _seconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _SECOND
