"""Verify's Attempts API, through the official SDK: what became of each message, and what it cost.

https://www.twilio.com/docs/verify/api/attempts, read 2026-11-22: the last 30 days, 100 requests a minute.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.response import Response

from otp.exceptions import ProviderMisbehaved
from otp.verify_api.errors import ATTEMPT_ERRORS
from otp.verify_api.service import ATTEMPT_SID, TwilioVerifyService

VERIFICATION_SID = re.compile(r"VE[0-9a-fA-F]{32}\Z")
# At most 1000 by Twilio; half of that stays far below what we read of one answer.
PAGE_SIZE = 500
MAX_PRICE = Decimal(10_000)


@dataclass(frozen=True)
class TwilioAttempt:
    """One message as Twilio tells of it. What it does not say, or says oddly, is None or ''."""

    attempt_sid: str
    verification_sid: str
    service_sid: str
    channel: str  # lower case
    country: str
    created_at: datetime
    status: str
    error_code: int | None
    price: Decimal | None  # of the message alone, without the fee for a success
    currency: str  # upper case
    is_converted: bool


@dataclass(frozen=True)
class Page:
    """Some attempts, and the token that leads to the next ones; '' at the end."""

    attempts: list[TwilioAttempt]
    next_token: str


class TwilioAttempts(TwilioVerifyService):
    """Lists attempts, with a breaker of its own: trouble with reports must not stop codes."""

    def list_attempts(
        self, since: datetime, until: datetime, *, service_sid: str = "", page_token: str = "", page: int = 0
    ) -> Page:
        """Read one page of the attempts that were made from `since` to `until`.

        :raises ProviderBusy: too many requests, with `retry_after`
        :raises OtpError: whatever `ATTEMPT_ERRORS` says, or for an answer that is no page
        """
        with self._build_lock:  # the SDK fills its lazy attributes without one
            attempts = self.client.verify.v2.verification_attempts
        options: dict[str, Any] = {"verify_service_sid": service_sid} if service_sid else {}
        if page_token:
            options |= {"page_token": page_token, "page_number": page}

        def ask() -> Page:
            try:
                answer = attempts.page(
                    date_created_after=since, date_created_before=until, page_size=PAGE_SIZE, **options
                )
            except TwilioException as error:
                raise _with_status(error) from None
            return Page([read for record in answer if (read := _read(record))], _read_token(answer.next_page_url))

        return self._call(ask, ATTEMPT_ERRORS)


def _with_status(error: TwilioException) -> TwilioException:
    """Turn what the SDK makes of a refused page into what it makes of any other refusal, with its code."""
    answer = error.args[1] if len(error.args) > 1 else None
    if not isinstance(answer, Response):
        return error
    code = None
    with suppress(ValueError, AttributeError):
        code = json.loads(answer.text).get("code")
    return TwilioRestException(answer.status_code, "/Attempts", code=code)


def _read_token(url: Any) -> str:
    """Take the token out of the next page's address.

    :raises ProviderMisbehaved: when the address has none
    """
    if not url:
        return ""
    # SECURITY: the address itself is never called: our credentials go to the host that settings name, nowhere else.
    tokens = parse_qs(urlsplit(str(url)).query).get("PageToken")
    if not tokens:
        raise ProviderMisbehaved
    return tokens[0]


def _read(record: Any) -> TwilioAttempt | None:
    """Take one record over; None for one that does not even say which it is, or when it was."""
    created_at = record.date_created
    if isinstance(created_at, str):  # the SDK reads no fraction of a second
        created_at = parse_datetime(created_at)
    if not isinstance(created_at, datetime) or is_naive(created_at) or not ATTEMPT_SID.match(str(record.sid)):
        return None
    data = record.channel_data if isinstance(record.channel_data, dict) else {}
    price, currency = _read_price(record.price)
    verification_sid = str(record.verification_sid or data.get("verification_sid") or "")
    return TwilioAttempt(
        attempt_sid=record.sid,
        verification_sid=verification_sid if VERIFICATION_SID.match(verification_sid) else "",
        service_sid=str(record.service_sid or ""),
        channel=str(record.channel or "").lower()[:10],
        country=_read_word(data.get("country"), 2).upper(),
        created_at=created_at,
        status=_read_word(data.get("message_status") or data.get("call_status"), 20),
        error_code=_read_code(data.get("error_code")),
        price=price,
        currency=currency,
        is_converted=record.conversion_status == "converted",
    )


def _read_price(said: Any) -> tuple[Decimal | None, str]:
    """Read `{"value": "0.005", "currency": "usd"}`. Twilio's price lists write some charges below zero."""
    if not isinstance(said, dict):
        return None, ""
    try:
        price = abs(Decimal(str(said.get("value"))))
    except InvalidOperation:
        return None, ""
    if not price.is_finite() or price > MAX_PRICE:
        return None, ""
    return price.quantize(Decimal("0.00001")), _read_word(said.get("currency"), 3).upper()


def _read_word(said: Any, longest: int) -> str:
    return said if isinstance(said, str) and re.fullmatch(rf"[A-Za-z_-]{{1,{longest}}}", said) else ""


def _read_code(said: Any) -> int | None:
    return int(str(said)) if re.fullmatch(r"[1-9][0-9]{0,8}", str(said)) else None


twilio_attempts = TwilioAttempts()
