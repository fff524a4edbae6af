"""Tokens of links: good for one invoice of one environment until one second, and for nothing else."""

import string
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from app.billing.errors import Refused
from app.ids import new_id, new_page_secret
from app.models import Environment, EnvironmentKind
from app.services.invoice_links import opened, page_path

NOW = datetime(2026, 2, 10, 12, 0, 0, 250_000, tzinfo=UTC)
INVOICE = "inv_01m8ahrrs0e5ptrazxn5v00j9t"


@dataclass
class Signer:
    id: str = "env_01m8ahrrj5em2sqackept9sb2w"
    merchant_id: str = "org_01m8ahrrj5em2sqackept9sb2v"
    kind: EnvironmentKind = EnvironmentKind.LIVE
    page_secret: str = "2a" * 32


LIVE = Signer()


def token_of(signer: Signer = LIVE, invoice_id: str = INVOICE, days: int = 30) -> str:
    return page_path(signer, invoice_id, NOW, days).rpartition("/")[2]


def test_a_token_opens_its_invoice() -> None:
    assert opened(LIVE, token_of(), NOW) == INVOICE
    # Links that were sent work after an upgrade, so how they are signed never changes.
    assert token_of() == (
        "org_01m8ahrrj5em2sqackept9sb2v.inv_01m8ahrrs0e5ptrazxn5v00j9t.1773316800."
        "n5P-ToNNTGVfxxf7HR2zSgj4flmt4yhaZ4vWT3IECSk"
    )


@pytest.mark.parametrize(("kind", "begin"), [(EnvironmentKind.LIVE, "/inv"), (EnvironmentKind.SANDBOX, "/sandbox/inv")])
def test_a_path_says_which_kind_of_environment_it_is_of(kind: EnvironmentKind, begin: str) -> None:
    path = page_path(replace(LIVE, kind=kind), INVOICE, NOW, 30)
    assert path == f"{begin}oices/{token_of()}"
    assert LIVE.id not in path
    assert LIVE.page_secret not in path


@pytest.mark.parametrize("days", [1, 30, 365])
def test_a_token_expires_at_a_second(days: int) -> None:
    token = token_of(days=days)
    end = NOW.replace(microsecond=0) + timedelta(days=days)
    assert opened(LIVE, token, end - timedelta(microseconds=1)) == INVOICE
    assert opened(LIVE, token, end) is None
    assert opened(LIVE, token, end + timedelta(days=3650)) is None


@pytest.mark.parametrize("days", [-1, 0, 366, 2**31 - 1])
def test_a_token_is_for_a_day_to_a_year(days: int) -> None:
    with pytest.raises(Refused) as refused:
        page_path(LIVE, INVOICE, NOW, days)
    assert [(error.code, error.field) for error in refused.value.errors] == [("OUT_OF_RANGE", "validForDays")]


def test_no_character_can_be_changed_left_out_or_put_in() -> None:
    token = token_of()
    for place, was in enumerate(token):
        for character in string.printable:
            if character != was:
                assert opened(LIVE, token[:place] + character + token[place + 1 :], NOW) is None
            assert opened(LIVE, token[:place] + character + token[place:], NOW) in (
                None,
                INVOICE * (token == character),
            )
        assert opened(LIVE, token[:place] + token[place + 1 :], NOW) is None


MERCHANT, _, EXPIRES, SIGNATURE = token_of().split(".")
OTHER_INVOICE = token_of(invoice_id="inv_01m8ahrrs0e5ptrazxn5v00j9v").split(".")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "...",
        "\x00",
        token_of().upper(),
        f" {token_of()}",
        f"{token_of()}\n",
        f"{token_of()}=",
        f"{token_of()}.",
        token_of() * 2,
        "x" * 1_000_000,
        f"{MERCHANT}.{INVOICE}.0{EXPIRES}.{SIGNATURE}",
        f"{MERCHANT}.{INVOICE}.{int(EXPIRES) + 1}.{SIGNATURE}",
        f"{MERCHANT}.{INVOICE}.{'9' * 11}.{SIGNATURE}",
        f"{MERCHANT}.{INVOICE}.{'9' * 5000}.{SIGNATURE}",
        f"{MERCHANT}.{INVOICE}.-{EXPIRES}.{SIGNATURE}",
        f"{MERCHANT}.{INVOICE}.\u0661{EXPIRES[1:]}.{SIGNATURE}",
        f"{MERCHANT}.{INVOICE}.{EXPIRES}.",
        f"{MERCHANT}.{INVOICE}.{EXPIRES}.{'A' * 43}",
        f"{MERCHANT}.{INVOICE}.{EXPIRES}.{OTHER_INVOICE[3]}",
        f"{MERCHANT}.{OTHER_INVOICE[1]}.{EXPIRES}.{SIGNATURE}",
        f"{MERCHANT}.{new_id('li')}.{EXPIRES}.{SIGNATURE}",
        f"{new_id('org')}.{INVOICE}.{EXPIRES}.{SIGNATURE}",
        f"{INVOICE}.{MERCHANT}.{EXPIRES}.{SIGNATURE}",
    ],
)
def test_other_texts_open_nothing(token: str) -> None:
    assert opened(LIVE, token, NOW) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(LIVE, page_secret="2b" * 32),
        replace(LIVE, id="env_01m8ahrrj5em2sqackept9sb2x"),
        replace(LIVE, merchant_id="org_01m8ahrrj5em2sqackept9sb2w"),
    ],
)
def test_a_token_opens_nothing_in_another_environment(other: Signer) -> None:
    assert opened(other, token_of(), NOW) is None
    assert opened(other, token_of(other), NOW) == INVOICE


def test_an_environment_gets_a_secret_of_its_own_and_does_not_show_it() -> None:
    one, other = (Environment(id=new_id("env"), merchant_id="org_1", kind=EnvironmentKind.LIVE) for _ in range(2))
    assert one.page_secret != other.page_secret
    assert [len(bytes.fromhex(secret)) for secret in (one.page_secret, new_page_secret())] == [32, 32]
    assert one.page_secret not in f"{one!r} {one}"
