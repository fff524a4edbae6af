"""A benchmark at toy size: the servers start, answer the same, and are compared. The figure is not looked at."""

import tempfile
from pathlib import Path

import pytest

from bench.access import access_check, access_flat
from bench.counting import drain, usage_flat
from bench.ingest import ingest_batch, ingest_single
from bench.memory import memory
from bench.reads import read_nested
from bench.renewals import invoice_flat, invoice_run


def test_a_benchmark_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_nested(units=4, rounds=1) > 0
    printed = capsys.readouterr().out
    assert "strawberry_orm" in printed
    assert "by turns" in printed


def test_servers_take_events_in(capsys: pytest.CaptureFixture[str]) -> None:
    assert ingest_single(units=1, rounds=1, requests=3000) > 0
    assert ingest_batch(units=1, rounds=1, requests=20) > 0
    assert memory(few=2000, many=4000) > 0
    printed = capsys.readouterr().out
    assert "raw_asgi" in printed
    assert "decoding" in printed
    assert "MiB after 4,000" in printed


def test_events_are_counted_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # prepared data stays with the test
    assert drain(there=2000, count=1000, rounds=1) > 0
    assert usage_flat(few=1000, many=2000, rounds=1, reads=2) > 0


def test_subscriptions_are_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert invoice_run(there=100, count=60, singly=2, rounds=1) > 1
    assert invoice_flat(few=60, many=200, count=20, rounds=1) > 0
    assert "a subscription among 200" in capsys.readouterr().out


def test_entitlements_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """Its data is prepared where PostgreSQL's own user may go."""
    assert access_check(units=1, rounds=1, requests=3000, there=1000) > 0
    assert access_flat(few=1000, many=2000, rounds=1, checks=2) > 0
    assert "PostgreSQL" in capsys.readouterr().out
