"""Checking a code: count, ask, settle. Called through `otp.services` and flows."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from otp import audit, guard, limits
from otp.client import Client
from otp.destinations import Destination, hash_address
from otp.exceptions import (
    CodeExpired,
    IncorrectCode,
    NotFound,
    OtpError,
    ProviderMisbehaved,
    ProviderUnavailable,
    TooManyAttempts,
)
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import MAX_CHECKS, Status, get_seconds_until
from otp.models.prepared import Given, Prepared, fill_insert, given_each, run_together
from otp.models.verification_queryset import VerificationQuerySet
from otp.money import Payment
from otp.prices import get_success_price
from otp.purposes import Purpose, get_group
from otp.transactions import raise_if_in_transaction
from otp.verify_api.decoys import make_decoy_sid
from otp.verify_api.service import twilio_verify

HOUR = timedelta(hours=1)
# What Twilio can have against a code, beside not answering.
AGAINST_THE_CODE = (CodeExpired, IncorrectCode, TooManyAttempts, ProviderMisbehaved)


@sensitive_variables("code")
def check_by_id(verification_id: UUID, code: str, *, client: Client) -> Verification:
    """Check a code against a public verification.

    :raises NotFound: when there is none by that id, or it is not a public one: flows look up their own
    :raises OtpError: see `check`
    """
    found = _find_newest(_prepare_by_id(), pk=verification_id)
    return check(found, code, client=client, purpose=Purpose.ANY_PUBLIC, absent=NotFound())


@sensitive_variables("code")
def check_public(destination: Destination, code: str, *, client: Client) -> Verification:
    """Check a code against what anybody asked to be sent there over the public API.

    :raises OtpError: see `check`
    """
    found = _find_newest(_prepare_public(len(destination.hashes)), destination=destination.hashes, now=timezone.now())
    return check(found, code, client=client, purpose=Purpose.ANY_PUBLIC, absent=CodeExpired(), destination=destination)


@sensitive_variables("code")
def check_for(
    destination: Destination,
    code: str,
    *,
    purpose: str,
    bindings: list[str],
    client: Client,
    is_decoy: bool = False,
    is_used_at_once: bool = False,
    payment: Payment | None = None,
) -> Verification:
    """Check a code for one purpose.

    `is_decoy` goes through every motion, the call to Twilio included, and never accepts: for requests about nobody,
    which must cost and look the same. So that they do, whatever Twilio has against a code for a password reset makes
    it an incorrect one.

    :raises OtpError: see `check`
    """
    search = _prepare_for(purpose, len(bindings), len(destination.hashes))
    found = _find_newest(search, bindings=bindings, destination=destination.hashes, now=timezone.now())
    return check(
        found,
        code,
        client=client,
        purpose=purpose,
        absent=CodeExpired(),
        destination=destination,
        is_decoy=is_decoy,
        is_used_at_once=is_used_at_once,
        payment=payment,
    )


@sensitive_variables("code")
def check(
    verification: Verification | None,
    code: str,
    *,
    client: Client,
    purpose: str,
    absent: OtpError,
    destination: Destination | None = None,
    is_decoy: bool = False,
    is_used_at_once: bool = False,
    payment: Payment | None = None,
) -> Verification:
    """Check a code against a row that `_find_newest` gave, and approve that row. `absent` is raised for None.

    With `is_used_at_once` the proof is redeemed in the same move: nobody can use it for anything else.

    :raises IncorrectCode: wrong digits; `attempts_left` says how many tries remain
    :raises CodeExpired: nothing live to check against
    :raises TooManyAttempts: five wrong codes, or too many for this destination in an hour
    :raises TooManyRequests: too many checks from one network
    :raises ProviderUnavailable: no answer to trust; the try is given back
    """
    raise_if_in_transaction()
    approval_id = payment.approval_id if payment else None
    try:
        limits.take_check(client)
        if verification is None:
            raise absent
        _raise_if_closed(verification)
    except OtpError as error:
        asked = verification.purpose if verification else purpose
        audit.record_refusal(
            error,
            Kind.CHECK,
            client,
            purpose=asked,
            destination=destination,
            verification=verification,
            approval_id=approval_id,
        )
        raise
    attempt = audit.build_attempt(
        Kind.CHECK,
        client,
        purpose=verification.purpose,
        channel=verification.channel,
        verification=verification,
        approval_id=approval_id,
    )
    # SECURITY: count, commit, then ask: whatever happens during the call, this try is spent.
    _, counted = run_together(fill_insert(attempt), verification.fill_count_check())
    if not counted:
        refusal = _close(verification)
        audit.settle(attempt, audit.get_outcome(refusal))
        raise refusal
    _ask(
        verification,
        attempt,
        code,
        is_decoy=is_decoy or not verification.verification_sid,
        is_discreet=purpose == Purpose.PASSWORD_RESET,
        payment=payment,
    )
    # SECURITY: the row count decides. Of many approvals by Twilio only one is ours.
    if not (verification.approve_and_redeem() if is_used_at_once else verification.approve()):
        audit.settle(attempt, Outcome.CODE_EXPIRED)
        raise CodeExpired
    audit.settle(attempt, Outcome.OK, cost=get_success_price(verification.country))
    guard.note_proven(verification, client, purpose=verification.purpose, sends=verification.sends)
    verification.status = Status.REDEEMED if is_used_at_once else Status.APPROVED
    return verification


def _find_newest(search: Prepared[Verification], **given: Any) -> Verification | None:
    """Give the newest of the rows that a search finds, with `wrong_codes` and `first_wrong_at` of the last hour."""
    return next(iter(search.find(**given, hour_ago=timezone.now() - HOUR)), None)


@cache
def _prepare_by_id() -> Prepared[Verification]:
    return _prepare(lambda: Verification.objects.public().filter(pk=Given("pk")), Purpose.ANY_PUBLIC)


@cache
def _prepare_public(keys: int) -> Prepared[Verification]:
    return _prepare(lambda: _find_live(Verification.objects.public(), keys), Purpose.ANY_PUBLIC)


@cache
def _prepare_for(purpose: str, bindings: int, keys: int) -> Prepared[Verification]:
    return _prepare(
        lambda: _find_live(Verification.objects.good_for(purpose, given_each("bindings", bindings)), keys), purpose
    )


def _find_live(found: VerificationQuerySet, keys: int) -> VerificationQuerySet:
    return found.live(Given("now")).filter(destination_hash__in=given_each("destination", keys))


def _prepare(find: Callable[[], VerificationQuerySet], purpose: str) -> Prepared[Verification]:
    wrong = Q(
        destination_hash=OuterRef("destination_hash"),
        outcome=Outcome.INCORRECT_CODE,
        purpose__in=get_group(purpose),
        created_at__gt=Given("hour_ago"),
    )

    def make() -> QuerySet[Any]:
        counted = VerificationAttempt.objects.filter(wrong).order_by().values("destination_hash")
        newest = find().annotate(
            wrong_codes=Subquery(counted.annotate(count=Count("pk")).values("count")),
            first_wrong_at=Subquery(counted.annotate(first=Min("created_at")).values("first")),
        )
        return newest.order_by("-created_at")[:1]

    return Prepared(make)


def _raise_if_closed(verification: Verification) -> None:
    """Refuse what needs no call to Twilio to be refused."""
    now = timezone.now()
    if verification.expires_at <= now:
        raise CodeExpired
    if verification.status == Status.EXHAUSTED:
        raise _too_many(verification)
    if verification.status != Status.PENDING:
        raise CodeExpired
    wrong_codes: int = verification.wrong_codes or 0  # type: ignore[attr-defined]  # annotated
    if wrong_codes >= settings.OTP_MAX_WRONG_CODES_PER_DESTINATION_PER_HOUR:
        ends_at = verification.first_wrong_at + HOUR  # type: ignore[attr-defined]  # annotated
        raise TooManyAttempts(retry_after=get_seconds_until(ends_at), reason="wrong_codes_per_destination")


def _close(verification: Verification) -> OtpError:
    """Say why no try was left. The row is closed by those whose tries they are: an outage may yet give one back."""
    verification.refresh_from_db()
    is_used_up = verification.checks >= MAX_CHECKS or verification.status == Status.EXHAUSTED
    return _too_many(verification) if is_used_up else CodeExpired()


def _too_many(verification: Verification) -> TooManyAttempts:
    return TooManyAttempts(retry_after=get_seconds_until(verification.expires_at))


@sensitive_variables("code")
def _ask(
    verification: Verification,
    attempt: VerificationAttempt,
    code: str,
    *,
    is_decoy: bool,
    is_discreet: bool,
    payment: Payment | None,
) -> None:
    """Ask Twilio, and bring the row to where its answer leaves it."""
    compare = _compare_discreetly if is_discreet else _compare
    try:
        with audit.settle_failure(attempt):
            compare(verification, code, is_decoy=is_decoy, payment=payment)
    except IncorrectCode as error:
        # Read anew: others may have tried meanwhile, and the last of them must close the row.
        verification.refresh_from_db(fields=["checks", "calls"])
        error.attempts_left = verification.attempts_left if verification.calls < MAX_CHECKS else 0
        if not error.attempts_left:
            verification.close_if_used_up()
        raise
    except TooManyAttempts as error:
        verification.exhaust()
        error.retry_after = _too_many(verification).retry_after
        raise
    except CodeExpired:
        verification.expire()
        raise
    except ProviderUnavailable as error:
        verification.refund_check(was_sent=error.was_sent)
        raise


@sensitive_variables("code")
def _compare(verification: Verification, code: str, *, is_decoy: bool, payment: Payment | None) -> None:
    """Have Twilio compare the code; returns only if it is right, for this very destination."""
    if is_decoy:
        # SECURITY: whatever Twilio says, a decoy is never right.
        with suppress(*AGAINST_THE_CODE):
            twilio_verify.verify_otp(
                None, code, verification_sid=make_decoy_sid(), service_sid=verification.service_sid
            )
        raise IncorrectCode
    answer = twilio_verify.verify_otp(
        None,
        code,
        verification_sid=verification.verification_sid,
        service_sid=verification.service_sid,
        payment=payment,
    )
    # SECURITY: an approval for another number is none.
    if not _is_same_destination(verification, answer.to):
        raise ProviderMisbehaved


@sensitive_variables("code")
def _compare_discreetly(verification: Verification, code: str, *, is_decoy: bool, payment: Payment | None) -> None:
    """Compare so that nothing tells a decoy from a row that Twilio has lost, refuses or lies about."""
    try:
        _compare(verification, code, is_decoy=is_decoy, payment=payment)
    except AGAINST_THE_CODE:
        raise IncorrectCode from None


def _is_same_destination(verification: Verification, address: str) -> bool:
    return any(hash_address(address, key) == verification.destination_hash for key in settings.OTP_HASH_KEYS)
