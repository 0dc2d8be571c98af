"""For the code that moves money: redeem what a person approved, in the same transaction. Public.

What is redeemed is redeemed once, by that person, for exactly those values. The token is a signed pointer; the row
decides.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any
from uuid import UUID

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_variables

from otp.exceptions import OtpError, PaymentNotApproved, PaymentOver
from otp.models import TransactionApproval
from otp.models.approval import TOKEN_LIFETIME, ApprovalStatus
from otp.money import read_amount, read_payee
from otp.transactions import raise_unless_in_transaction

SALT = "otp.approval_token"
KEPT_IN = "approval_token"
FIELD = "approval_token"

View = Callable[..., HttpResponse]


def make_token(approval: TransactionApproval) -> str:
    """Sign an approved approval, for its person."""
    return signing.dumps([str(approval.pk), approval.user_id], salt=SALT)


@sensitive_variables("token")
def find_approval(token: str, *, user: Any = None) -> TransactionApproval:
    """Find the approved payment that a token stands for. It is used up by `redeem_approval`, not by reading.

    :raises PaymentOver: forged, older than five minutes, somebody else's, used, or canceled
    """
    try:
        pk, user_id = signing.loads(token, salt=SALT, max_age=TOKEN_LIFETIME)
        found = TransactionApproval.objects.filter(pk=UUID(pk), user_id=user_id, status=ApprovalStatus.APPROVED)
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        raise PaymentOver from None
    if user is not None:
        found = found.of(user)
    approval = found.first()
    # SECURITY: a row that was changed by hand is nobody's approval.
    if approval is None or not approval.is_intact:
        raise PaymentOver
    return approval


@sensitive_variables("token")
def redeem_approval(
    token: str, *, amount: str | Decimal, currency: str, payee: str, user: Any = None
) -> TransactionApproval:
    """Use an approval up, for exactly these values. Of any number of callers one succeeds; the others' transactions
    must fail.

    The token is its person's alone; name the `user` whose money moves, and it fails for everybody else. Pass the values
    that are about to be paid, never those of the approval: that they are the same is what this is for. The reference is
    the approval's own. The id of the approval is the idempotency key: one payment for each.

    :raises RuntimeError: outside of `transaction.atomic()`: the money must move with it or not at all
    :raises PaymentOver: other values, or see `find_approval`
    """
    # SECURITY: redeemed outside of the transaction, a crash would leave a paid approval without a payment.
    raise_unless_in_transaction()
    approval = find_approval(token, user=user)
    try:
        # Read as `approvals.create` read them: the same record of yours gives the same values both times.
        to_pay = (read_amount(amount, approval.currency), currency, read_payee(payee))
        is_same = to_pay == (approval.amount, approval.currency, approval.payee)
    except OtpError:
        raise PaymentOver from None
    # SECURITY: the row count decides.
    if not is_same or not approval.redeem():
        raise PaymentOver
    approval.refresh_from_db()
    return approval


def approval_required(view: View) -> View:
    """Open a view only to whoever brings the token of a payment they approved.

    It is taken from the field `approval_token` of the form, the header `Approval-Token`, or the session, where the page
    on which it was confirmed leaves it. The view finds `request.approval` and `request.approval_token`, and must still
    call `redeem_approval` with what it pays. Without one it answers 403.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            attach_approval(request, request.POST.get(FIELD, ""))
        except OtpError:
            raise PermissionDenied from None
        return view(request, *args, **kwargs)

    return guarded


@sensitive_variables("given", "token")
def attach_approval(request: Any, given: str = "") -> None:
    """Put the approval that a request brings along, and its token, on the request.

    :raises PaymentNotApproved: it brings none
    :raises PaymentOver: see `find_approval`
    """
    token = given or request.headers.get("Approval-Token", "") or request.session.get(KEPT_IN, "")
    if not token or not request.user.is_authenticated:
        raise PaymentNotApproved
    request.approval = find_approval(token, user=request.user)
    request.approval_token = token
