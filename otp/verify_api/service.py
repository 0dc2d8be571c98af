"""Twilio Verify, through the official SDK. The only module that talks to Twilio; called by the ledger alone."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests
from circuitbreaker import STATE_HALF_OPEN, CircuitBreaker
from django.conf import settings
from django.views.decorators.debug import sensitive_variables
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.rest import Client
from twilio.rest.verify.v2.service import ServiceContext  # with the module: otherwise each worker loads it at first use

from otp import metrics
from otp.exceptions import (
    CodeExpired,
    IncorrectCode,
    NotConfigured,
    OtpError,
    ProviderMisbehaved,
    ProviderUnavailable,
    TooManyAttempts,
    TooManyRequests,
)
from otp.money import Payment
from otp.transactions import release_connection
from otp.verify_api.errors import CHECK_ERRORS, LOCALE_ERRORS, SEND_ERRORS, get_error
from otp.verify_api.http import VerifyHttpClient, get_last_error_was_sent

# How long to wait where Twilio says "too many" and no Retry-After: the longest a verification can stand in the way for
# its own caps, a few seconds for two requests at once.
DEFAULT_WAITS = {60202: 600, 60203: 600, 60212: 5, 60728: 3600}
DEFAULT_WAIT = 5
ATTEMPT_SID = re.compile(r"VL[0-9a-fA-F]{32}\Z")

# What a check's answer can say beside `approved`. Anything else is not an answer that we know how to trust.
# https://www.twilio.com/docs/verify/api/verification-check, read 2026-11-22
CHECK_STATUSES: dict[str, type[OtpError]] = {
    "pending": IncorrectCode,
    "max_attempts_reached": TooManyAttempts,
    "expired": CodeExpired,
    "canceled": CodeExpired,
    "deleted": CodeExpired,
    "failed": CodeExpired,
}


@dataclass(frozen=True)
class TwilioVerification:
    """What Twilio said of one verification. `to` is the raw destination: compare it, then forget it."""

    verification_sid: str
    to: str
    status: str
    attempt_sid: str = ""  # of the message just sent; '' for a check, and where Twilio does not say


@dataclass(frozen=True)
class TwilioService:
    """What Twilio knows of one Verify Service."""

    friendly_name: str
    code_length: int
    psd2_enabled: bool


class TwilioVerifyService:
    """Sends, checks and cancels verifications.

    Every call has a timeout, none is blindly repeated, and after `OTP_BREAKER_FAILURES` outages in a row the next
    `OTP_BREAKER_SECONDS` fail at once. The SDK's client is built on first use: importing this needs no credentials, and
    a forked worker gets sockets of its own.
    """

    api = "verify"

    def __init__(self) -> None:
        self._build_lock = threading.Lock()
        self._trial_lock = threading.Lock()

    def send_otp(
        self,
        to: str,
        channel: str = "sms",
        *,
        service_sid: str | None = None,
        locale: str | None = None,
        payment: Payment | None = None,
    ) -> TwilioVerification:
        """Have Twilio send a code. Within ten minutes the same destination gets the same digits again.

        With a payment the message names its amount and payee, and the code counts for these alone.
        https://www.twilio.com/docs/verify/verifying-transactions-psd2, read 2026-11-22

        A language that Twilio does not have is left out in a second try; nothing was sent by the first.

        :raises OtpError: whatever `SEND_ERRORS` says, with `provider_code` on it
        """
        service = self._get_verify_service(service_sid)
        request = {"to": to, "channel": channel, **_name_payment(payment)}
        options = {"locale": locale} if locale else {}
        try:
            answer = self._call(lambda: service.verifications.create(**request, **options), SEND_ERRORS)
        except OtpError as error:
            if not locale or error.provider_code not in LOCALE_ERRORS:
                raise
            answer = self._call(lambda: service.verifications.create(**request), SEND_ERRORS)
        _raise_if_for_another_payment(answer, payment)
        return _read_verification(answer, service_sid, expected_status="pending")

    @sensitive_variables("code")
    def verify_otp(
        self,
        to: str | None,
        code: str,
        *,
        verification_sid: str | None = None,
        service_sid: str | None = None,
        payment: Payment | None = None,
    ) -> TwilioVerification:
        """Have Twilio compare a code, by its SID where that is known.

        Returns only when the answer says `approved`. `valid` is never looked at: it is documented as legacy.

        :raises IncorrectCode: the digits are wrong
        :raises OtpError: whatever `CHECK_ERRORS` says, with `provider_code` on it
        """
        service = self._get_verify_service(service_sid)
        target: dict[str, Any] = {"verification_sid": verification_sid} if verification_sid else {"to": to}
        target |= _name_payment(payment)
        answer = self._call(lambda: service.verification_checks.create(code=code, **target), CHECK_ERRORS)
        if isinstance(answer.status, str) and answer.status in CHECK_STATUSES:
            raise CHECK_STATUSES[answer.status]()
        verification = _read_verification(answer, service_sid, expected_status="approved")
        # SECURITY: an approval of anything else than what we asked about is no approval.
        if verification_sid and verification.verification_sid != verification_sid:
            raise ProviderMisbehaved
        _raise_if_for_another_payment(answer, payment)
        return verification

    def cancel(self, to: str, *, service_sid: str | None = None) -> None:
        """Have Twilio forget what is pending for a destination, so that the next send gets new digits.

        `to` is a destination or a verification SID; Twilio takes either in the path. Nothing pending is fine.

        :raises OtpError: when Twilio could not be asked
        """
        service = self._get_verify_service(service_sid)
        # The SDK puts it into the path as it is, and an e-mail address may hold a slash.
        name = quote(to, safe="")
        try:
            self._call(lambda: service.verifications(name).update(status="canceled"), CHECK_ERRORS)
        except OtpError as error:
            if error.provider_code != 20404:
                raise

    def fetch_service(self, service_sid: str) -> TwilioService:
        """Look a Verify Service up. Nothing is sent or changed: this is how configuration is checked.

        :raises NotConfigured: when the credentials are refused, or do not know the Service
        :raises OtpError: when Twilio could not be asked
        """
        service = self._get_verify_service(service_sid)
        answer = self._call(service.fetch, SEND_ERRORS)
        if answer.sid != service_sid or not answer.code_length:
            raise ProviderMisbehaved
        return TwilioService(answer.friendly_name or "", answer.code_length, bool(answer.psd2_enabled))

    def reset_breaker(self) -> None:
        """Close the breaker, for the sandbox's own reset."""
        self.breaker.reset()

    def rebuild(self) -> None:
        """Forget client and breaker, so that changed settings count."""
        for name in ("client", "breaker", "http_client"):
            self.__dict__.pop(name, None)

    @cached_property
    def breaker(self) -> CircuitBreaker:
        return CircuitBreaker(
            failure_threshold=settings.OTP_BREAKER_FAILURES,
            recovery_timeout=settings.OTP_BREAKER_SECONDS,
            # Outages only: a refusal, even "too many requests", shows that Twilio is there.
            expected_exception=lambda kind, _: kind is ProviderUnavailable,
            name="twilio_verify",
        )

    @cached_property
    def http_client(self) -> VerifyHttpClient:
        return VerifyHttpClient(settings.TWILIO_VERIFY_URL, settings.TWILIO_TIMEOUT)

    @cached_property
    def client(self) -> Client:
        """The SDK's client.

        :raises NotConfigured: when credentials are missing; the SDK itself would send the call without any
        """
        account_sid = settings.TWILIO_ACCOUNT_SID
        username, password = settings.TWILIO_API_KEY, settings.TWILIO_API_SECRET
        if not (username and password):
            username, password = account_sid, settings.TWILIO_AUTH_TOKEN
        if not (account_sid and username and password):
            raise NotConfigured
        return Client(username, password, account_sid, http_client=self.http_client)

    def _get_verify_service(self, service_sid: str | None) -> ServiceContext:
        sid = service_sid or settings.TWILIO_VERIFY_SERVICE_SID
        if not sid:
            raise NotConfigured
        with self._build_lock:  # the SDK fills its lazy attributes without one
            return self.client.verify.v2.services(sid)

    def _call(self, ask: Callable[[], Any], table: dict[int, type[OtpError]]) -> Any:
        """Make one call through the breaker and translate all that can come out of the SDK."""
        release_connection()
        with self._pass_breaker():
            try:
                return ask()
            # SECURITY: `from None` throughout: the SDK's messages repeat numbers, and tracebacks reach logs.
            except TwilioRestException as error:
                raise self._translate(error.code, error.status, table) from None
            except TwilioServiceException as error:
                raise self._translate(error.code, error.status, table) from None
            except requests.RequestException as error:
                raise ProviderUnavailable(was_sent=get_last_error_was_sent(error)) from None
            except (TwilioException, ValueError, TypeError, AttributeError, KeyError):
                # Not JSON, or JSON of another shape than the SDK expects.
                raise ProviderUnavailable from None

    @contextmanager
    def _pass_breaker(self) -> Iterator[None]:
        """Let calls through while Twilio is there; after an outage one at a time, until one was answered."""
        if self.breaker.opened:
            raise _refuse_by_breaker(max(1, self.breaker.open_remaining))
        is_trial = self.breaker.state == STATE_HALF_OPEN
        if is_trial and not self._trial_lock.acquire(blocking=False):
            raise _refuse_by_breaker()
        try:
            with self.breaker:
                yield
        finally:
            if self.breaker.opened:
                metrics.note_breaker(self.api, self.breaker.open_remaining)
            if is_trial:
                self._trial_lock.release()

    def _translate(self, code: Any, status: int, table: dict[int, type[OtpError]]) -> OtpError:
        code = code if isinstance(code, int) else None
        kind = get_error(code, status, table)
        retry_after = self.http_client.get_retry_after()
        error = kind()
        if issubclass(kind, ProviderUnavailable | TooManyRequests | TooManyAttempts):
            error.retry_after = retry_after or DEFAULT_WAITS.get(code or 0, DEFAULT_WAIT)
        error.provider_code = code
        return error


def _name_payment(payment: Payment | None) -> dict[str, str]:
    return {"amount": payment.amount, "payee": payment.payee} if payment else {}


def _raise_if_for_another_payment(answer: Any, payment: Payment | None) -> None:
    """Refuse an answer that speaks of other values; a Service without PSD2 speaks of none.

    :raises ProviderMisbehaved: it does
    """
    for name, value in _name_payment(payment).items():
        # SECURITY: an approval of another payment is no approval.
        if (said := getattr(answer, name)) and said != value:
            raise ProviderMisbehaved


def _refuse_by_breaker(retry_after: int = 5) -> ProviderUnavailable:
    error = ProviderUnavailable(retry_after=retry_after, was_sent=False)
    error.reason = "breaker_open"
    return error


def _read_verification(answer: Any, service_sid: str | None, *, expected_status: str) -> TwilioVerification:
    """Take over an answer only if it says exactly what it should.

    :raises ProviderUnavailable: for an empty answer
    :raises ProviderMisbehaved: for another Service or a status that does not belong here
    """
    if not all(isinstance(value, str) and value for value in (answer.sid, answer.to, answer.status)):
        raise ProviderUnavailable
    if answer.status != expected_status or answer.service_sid != (service_sid or settings.TWILIO_VERIFY_SERVICE_SID):
        raise ProviderMisbehaved
    attempt_sid = _read_attempt_sid(getattr(answer, "send_code_attempts", None))
    return TwilioVerification(answer.sid, answer.to, answer.status, attempt_sid)


def _read_attempt_sid(attempts: Any) -> str:
    """Read the id of the newest message. Only accounts are kept by it: anything odd counts as not said."""
    newest = attempts[-1] if isinstance(attempts, list) and attempts else None
    sid = newest.get("attempt_sid") if isinstance(newest, dict) else None
    return sid if isinstance(sid, str) and ATTEMPT_SID.match(sid) else ""


twilio_verify = TwilioVerifyService()
