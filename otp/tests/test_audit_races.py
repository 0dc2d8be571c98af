"""Sealing from two processes at once, and a guard that opens for one of them alone."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection

from otp import audit
from otp.client import Client
from otp.models import AuditBlock, AuditSeal, VerificationAttempt
from otp.operations import audit_chain
from otp.operations.audit_chain import seal
from otp.operations.audit_guard import chain_transaction, opened
from otp.operations.audit_verification import verify
from otp.tests.parallel import run_copies, run_together
from otp.tests.records import make_attempt

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.requirement("AUD-02")]


@pytest.fixture(autouse=True)
def _no_chain_left():
    """The guard would keep the test database from being emptied."""
    yield
    with chain_transaction(), opened():
        AuditSeal.objects.all().delete()
        AuditBlock.objects.all().delete()


def test_many_at_once_seal_each_attempt_once(monkeypatch):
    monkeypatch.setattr(audit_chain, "BLOCK_SIZE", 5)
    attempts = [make_attempt() for _ in range(23)]

    sealed = run_copies(4, lambda _: seal())

    assert sum(run.rows for run in sealed) == len(attempts)
    assert set(AuditSeal.objects.values_list("attempt_id", flat=True)) == {attempt.pk for attempt in attempts}
    assert list(AuditBlock.objects.order_by("number").values_list("number", flat=True)) == [
        *range(1, AuditBlock.objects.count() + 1)
    ]
    assert list(verify()) == []


def test_what_is_written_meanwhile_is_sealed_sooner_or_later():
    first = run_together([seal, *[make_attempt] * 8])
    second = seal()

    assert first[0].rows + second.rows == 8
    assert list(verify()) == []


def test_what_was_sealed_too_early_fails_nobody(monkeypatch, caplog):
    """A host's clock is ahead: it takes an attempt that is under way for one that crashed an hour ago."""
    monkeypatch.setattr(audit_chain, "SETTLING_TIME", timedelta(0))
    attempt = audit.open_attempt("send", Client())
    seal()

    audit.settle(attempt, "ok")

    attempt.refresh_from_db()
    assert attempt.outcome == "crashed"
    assert "attempt_sealed_early" in caplog.text
    assert list(verify()) == []


def test_another_refusal_of_the_database_is_no_early_seal():
    attempt = audit.open_attempt("send", Client())

    with pytest.raises(IntegrityError):
        audit.settle(attempt, None)


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite lets nobody write meanwhile anyway")
def test_the_guard_opens_for_one_transaction_alone():
    attempt = make_attempt()
    seal()
    is_open, is_done = threading.Event(), threading.Event()

    def hold_open():
        with chain_transaction(), opened():
            is_open.set()
            is_done.wait(20)

    def change():
        is_open.wait(20)
        try:
            VerificationAttempt.objects.filter(pk=attempt.pk).update(reason="x")
        finally:
            is_done.set()

    _, refused = run_together([hold_open, change])

    assert isinstance(refused, IntegrityError)
    assert connection.vendor == "postgresql"
