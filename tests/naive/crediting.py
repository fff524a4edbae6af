"""Payments, voids and credit notes of issued invoices: domain.md section 6."""

from tests.naive.arithmetic import split
from tests.naive.history import Annul, Note, Pay
from tests.naive.invoices import CreditNote
from tests.naive.state import NOTHING, Account, Booked, Parts, State


def _chosen(state: State, act: Pay | Annul | Note) -> int | None:
    """The place of the invoice that somebody means, where the subscription has any."""
    own = [at for at, account in enumerate(state.accounts) if account.place == act.subscription]
    return own[act.invoice % len(own)] if own else None


def pay(state: State, act: Pay) -> None:
    """Pay all that is due."""
    chosen = _chosen(state, act)
    if chosen is not None:
        state.accounts[chosen].paid += state.accounts[chosen].due


def annul(state: State, act: Annul) -> None:
    """Void an invoice that has something due: the credit that it took comes back."""
    chosen = _chosen(state, act)
    if chosen is not None and state.accounts[chosen].due:
        account = state.accounts[chosen]
        account.is_void = True
        state.give_back(_currency(state, account), account.applied + account.paid)


def note(state: State, act: Note) -> None:
    """Credit a line, a total, or all; never more than is left."""
    chosen = _chosen(state, act)
    if chosen is None or state.accounts[chosen].is_void:
        return
    account = state.accounts[chosen]
    left = max(account.total - account.carried - account.noted, 0)
    if act.line is None:
        pieces = _of_total(account, left, act.amount_minor)
    else:
        pieces = _of_line(account, left, act.line % len(account.lines), act.amount_minor)
    beyond = sum(one.total(inclusive=account.inclusive) for one in (pieces or {}).values()) - account.due
    if pieces is not None and not (act.refund and beyond > account.paid - account.refunded):
        write_note(state, chosen, pieces, refund=act.refund)


def _of_line(account: Account, left: int, place: int, asked: int | None) -> dict[int, Parts] | None:
    line = account.lines[place]
    if line.charged.amount <= 0 or not line.left.amount or (asked or 0) > line.left.amount:
        return None
    piece = line.piece(line.left.amount if asked is None else asked)
    return None if piece.total(inclusive=account.inclusive) > left else {place: piece}


def _of_total(account: Account, left: int, asked: int | None) -> dict[int, Parts] | None:
    """Spread a total over what is left of the lines that lie above zero."""
    lines = {place: one for place, one in enumerate(account.lines) if one.charged.amount > 0}
    totals = [one.left.total(inclusive=account.inclusive) for one in lines.values()]
    left = min(left, sum(totals))
    total = left if asked is None else asked
    if not left or total > left:
        return None
    if total == sum(totals):
        found = {place: one.left for place, one in lines.items()}
    else:
        shares = zip(lines, split(total, totals), strict=True)
        found = {place: _to_total(lines[place], share, inclusive=account.inclusive) for place, share in shares if share}
    return {place: parts for place, parts in found.items() if parts != NOTHING}


def _to_total(line: Booked, total: int, *, inclusive: bool) -> Parts:
    """The least amount of a line that comes to a total, with so much less tax as it comes to more than that."""
    if total == line.left.total(inclusive=inclusive):
        return line.left
    low, high = 0, line.left.amount
    while low < high:
        middle = (low + high) // 2
        if line.piece(middle).total(inclusive=inclusive) < total:
            low = middle + 1
        else:
            high = middle
    piece = line.piece(low)
    return piece._replace(tax=piece.tax - (piece.total(inclusive=inclusive) - total))


def write_note(state: State, number: int, pieces: dict[int, Parts], *, refund: bool = False) -> None:
    """Take pieces of lines back: what is due is reduced first, the rest becomes credit or is refunded."""
    account = state.accounts[number]
    amount, discount, tax = (sum(values) for values in zip(*pieces.values(), strict=True))
    total = sum(one.total(inclusive=account.inclusive) for one in pieces.values())
    reduced = min(total, max(account.due, 0))
    for place, piece in pieces.items():
        line = account.lines[place]
        line.credited = Parts(*(a + b for a, b in zip(line.credited, piece, strict=True)))
    account.reduced += reduced
    account.noted += total
    rest = total - reduced
    if refund:
        account.refunded += rest
    elif rest:
        state.credit.append((_currency(state, account), rest))
    given = (0, rest) if refund else (rest, 0)
    state.notes.append(CreditNote(number, amount, discount, tax, total, reduced, *given))


def _currency(state: State, account: Account) -> str:
    return state.lives[account.place].subscription.plan.currency
