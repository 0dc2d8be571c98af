"""Confirming a payment: open an approval, send a code made for it, confirm. Pages and API call this alike.

A person has one payment to confirm at a time: opening another one voids it, for Twilio would send the same digits for
both. Call these outside of a transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_variables

from otp import audit, limits, services
from otp.client import Client
from otp.exceptions import (
    ChannelUnavailable,
    Conflict,
    IncorrectCode,
    NotFound,
    OtpError,
    PaymentNotConfirmed,
    PaymentOver,
    PaymentVoid,
    ProviderUnavailable,
)
from otp.models import TransactionApproval
from otp.models.approval import MAX_RETURN_TO_LENGTH, MAX_TRIES, ApprovalStatus
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import get_seconds_until
from otp.money import MAX_REFERENCE_LENGTH, read_amount, read_currency, read_payee, read_text
from otp.payers import PHONE, get_payers
from otp.payments import make_token
from otp.purposes import Channel, Purpose
from otp.transactions import raise_if_in_transaction


def create(
    request: HttpRequest,
    *,
    amount: str | Decimal,
    currency: str,
    payee: str,
    reference: str = "",
    channel: str = "",
    return_to: str = "",
) -> TransactionApproval:
    """Open an approval for whoever is signed in, and send the code if the phone is what they confirm with first.

    Where the code can't go out and there is another way to confirm, the approval's `problem` says why and the approval
    is open all the same. `return_to` is a path of this site, never taken from a request: the page of the approval posts
    on to it once the payment is confirmed. Whatever was open for the person is void from here on.

    :raises ValueError: `return_to` is no path of this site
    :raises InvalidRequest: amount, currency, payee or reference cannot be read; `fields` says which
    :raises ChannelUnavailable: `channel` cannot carry amount and payee, or the phone may not confirm now
    :raises OtpError: see `Payers.list_methods` and `services.send_otp`; the approval is canceled then
    """
    raise_if_in_transaction()
    _raise_unless_path(return_to)
    methods = get_payers().list_methods(request)
    currency = read_currency(currency)
    values = {
        "amount": read_amount(amount, currency),
        "currency": currency,
        "payee": read_payee(payee),
        "reference": read_text(reference, "reference", longest=MAX_REFERENCE_LENGTH, is_required=False),
    }
    _raise_if_channel_cannot_carry(channel, methods)
    approval = _open(request.user, return_to=return_to, **values)
    approval.methods = methods
    if channel or methods[0] == PHONE:
        try:
            _send(approval, request)
        except OtpError as error:
            if channel or methods == [PHONE]:
                approval.cancel()
                raise
            approval.problem = str(error.user_message)
    return approval


def get(request: HttpRequest, approval_id: UUID) -> TransactionApproval:
    """Give an approval of whoever is signed in, with the `methods` by which it can be confirmed.

    :raises NotFound: there is none by that id, or it is somebody else's
    :raises OtpError: it is open, and see `Payers.list_methods`
    """
    approval = find(request, approval_id)
    if approval.status == ApprovalStatus.PENDING:
        approval.methods = get_payers().list_methods(request)
    return approval


def find(request: HttpRequest, approval_id: UUID) -> TransactionApproval:
    """Find an approval of whoever is signed in, to show how it stands.

    :raises NotFound: there is none by that id, or it is somebody else's
    """
    own = TransactionApproval.objects.of(request.user)
    approval = own.filter(pk=approval_id).select_related("verification").first()
    if approval is None:
        raise NotFound
    if approval.expire():
        approval.status = ApprovalStatus.EXPIRED
    return approval


def send(request: HttpRequest, approval_id: UUID, *, channel: str = "") -> TransactionApproval:
    """Send the code again, or for the first time. It prolongs nothing and gives no new tries.

    :raises NotFound: see `get`
    :raises PaymentOver, PaymentVoid: it can be confirmed no more
    :raises ChannelUnavailable: see `create`
    :raises OtpError: see `Payers.list_methods` and `services.send_otp`
    """
    raise_if_in_transaction()
    approval = get(request, approval_id)
    raise_if_closed(approval)
    _raise_if_channel_cannot_carry(channel or Channel.SMS, approval.methods)
    _send(approval, request)
    return approval


@sensitive_variables("code")
def confirm(request: HttpRequest, approval_id: UUID, *, code: str, method: str = "") -> str:
    """Check a code and approve the payment. Gives the token that `payments.redeem_approval` takes.

    Nothing but the id and the code comes from the request: amount and payee are the row's. For a passkey, `code` is the
    browser's answer. Each wrong code counts, whichever factor it was for; the fifth voids the payment.

    :raises NotFound: see `get`
    :raises PaymentNotConfirmed: the code was wrong, or the method is none of theirs; `attempts_left` counts down
    :raises PaymentOver: it was canceled, or its five minutes are over, or it was confirmed before
    :raises PaymentVoid: five wrong codes
    :raises OtpError: see `Payers.list_methods` and `checking.check`
    """
    raise_if_in_transaction()
    approval = get(request, approval_id)
    client = Client.from_request(request)
    if not approval.take_try():
        _refuse(approval, client)
    # SECURITY: what is none of their methods is compared with nothing, and counts like a wrong code.
    method = method or (PHONE if approval.verification_id or not approval.methods else approval.methods[0])
    try:
        if method == PHONE and method in approval.methods:
            return _confirm_by_phone(approval, code, client)
        return _confirm_by_factor(approval, method if method in approval.methods else "", code, client)
    except IncorrectCode:
        approval.note_wrong_code()
        approval.refresh_from_db(fields=["tries"])
        raise PaymentNotConfirmed(attempts_left=approval.tries_left) from None
    except OtpError as error:
        _settle_unanswered(approval, error)
        raise


def cancel(request: HttpRequest, approval_id: UUID) -> TransactionApproval:
    """Void a payment that was not made yet, and the code that is out for it.

    :raises NotFound: see `get`
    :raises PaymentOver: it was redeemed, or is over already
    """
    approval = find(request, approval_id)
    if not approval.cancel():
        raise PaymentOver
    if approval.verification:
        approval.verification.cancel()
    approval.refresh_from_db()
    return approval


def raise_if_closed(approval: TransactionApproval) -> None:
    """Refuse what can be confirmed no more.

    :raises PaymentVoid: five codes were tried
    :raises PaymentOver: it was confirmed, canceled or used, or its time is over
    """
    if approval.status == ApprovalStatus.EXHAUSTED or (
        approval.status == ApprovalStatus.PENDING and approval.tries >= MAX_TRIES
    ):
        ends_at = approval.verification.expires_at if approval.verification else approval.expires_at
        raise PaymentVoid(retry_after=get_seconds_until(ends_at))
    if approval.status != ApprovalStatus.PENDING:
        raise PaymentOver


def _open(user: Any, **values: Any) -> TransactionApproval:
    try:
        with transaction.atomic():
            own = TransactionApproval.objects.of(user)
            own.expire_overdue()
            own.cancel_all()
            return TransactionApproval.start(user, **values)
    except IntegrityError:
        # Another one was opened at the same moment: one of the two is enough.
        raise Conflict from None


def _raise_unless_path(return_to: str) -> None:
    # SECURITY: the browser posts the code and the form's token on to it: never to another host, whoever's the mistake.
    is_path = return_to.startswith("/") and url_has_allowed_host_and_scheme(return_to, allowed_hosts=None)
    if return_to and (not is_path or len(return_to) > MAX_RETURN_TO_LENGTH):
        sentence = f"return_to must be a path of this site, of at most {MAX_RETURN_TO_LENGTH} characters."
        raise ValueError(sentence)


def _raise_if_channel_cannot_carry(channel: str, methods: list[str]) -> None:
    """Hold to text messages: Twilio carries amount and payee by nothing else.

    A person who prefers WhatsApp or calls gets a text message; one who asks for them is refused.
    https://www.twilio.com/docs/verify/verifying-transactions-psd2, read 2026-11-22
    """
    if channel and (channel != Channel.SMS or PHONE not in methods):
        raise ChannelUnavailable


def _send(approval: TransactionApproval, request: HttpRequest) -> None:
    user: Any = request.user
    verification = services.send_otp(
        # SECURITY: the number is the account's, never the request's.
        user.phone,
        Channel.SMS,
        purpose=Purpose.TRANSACTION,
        flow=approval.flow,
        user_id=user.pk,
        client=Client.from_request(request),
        payment=approval.payment,
    )
    if not approval.note_sent(verification):
        raise PaymentOver


@sensitive_variables("code")
def _confirm_by_phone(approval: TransactionApproval, code: str, client: Client) -> str:
    user: Any = approval.user
    verification = services.verify_otp(
        user.phone,
        code,
        purpose=Purpose.TRANSACTION,
        flow=approval.flow,
        user_id=user.pk,
        client=client,
        payment=approval.payment,
    )
    with transaction.atomic():
        services.redeem(verification)
        _approve(approval, PHONE)
    return make_token(approval)


@sensitive_variables("code")
def _confirm_by_factor(approval: TransactionApproval, method: str, code: str, client: Client) -> str:
    with _record_check(approval, client):
        limits.take_check(client)
        if not method:
            raise PaymentNotConfirmed
        get_payers().check(approval, method, code, client=client)
        _approve(approval, method)
    return make_token(approval)


@contextmanager
def _record_check(approval: TransactionApproval, client: Client) -> Iterator[None]:
    """Write the row of a check that Twilio has no part in, and settle it by how the block ends."""
    attempt = audit.open_attempt(
        Kind.CHECK, client, purpose=Purpose.TRANSACTION, user_id=approval.user_id, approval_id=approval.pk
    )
    try:
        yield
    except OtpError as error:
        attempt.reason = error.reason
        audit.settle(attempt, audit.get_outcome(error))
        raise
    audit.settle(attempt, Outcome.OK)


def _approve(approval: TransactionApproval, method: str) -> None:
    # SECURITY: the row count decides. Of many right codes one approves.
    if not approval.approve(method):
        raise PaymentOver


def _refuse(approval: TransactionApproval, client: Client) -> None:
    """Refuse a confirmation that got no try, and leave its row."""
    approval.refresh_from_db()
    try:
        raise_if_closed(approval)
        raise PaymentOver  # its time ran out just now
    except OtpError as error:
        audit.record_refusal(
            error,
            Kind.CHECK,
            client,
            purpose=Purpose.TRANSACTION,
            verification=approval.verification,
            user_id=approval.user_id,
            approval_id=approval.pk,
        )
        raise


def _settle_unanswered(approval: TransactionApproval, error: OtpError) -> None:
    """Give a try back that compared nothing. One whose answer was lost may have compared, and counts as wrong."""
    if isinstance(error, ProviderUnavailable) and error.was_sent:
        approval.note_wrong_code()
    else:
        approval.give_try_back()
