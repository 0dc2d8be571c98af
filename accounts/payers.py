"""Who may confirm a payment, and by what. Named by `OTP_PAYERS`; `otp.payers` says what is for what.

Being signed in never confirms anything: neither the code of the sign-in, nor a browser that is trusted, nor a fresh
proof for a setting. Each payment takes a proof of its own.
"""

from datetime import datetime
from typing import Any, cast

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from django_otp_webauthn.models import WebAuthnCredential

from accounts import assurance, policy
from accounts.assurance import Step
from accounts.exceptions import FactorRequired, FactorsBlocked, StepUpRequired
from accounts.factors import checking
from accounts.factors.methods import Method, list_provable
from accounts.models import FactorBudget, SecurityEvent, TotpDevice, User
from accounts.models.event import EventKind
from accounts.models.phone_change import COOLING_OFF
from otp.client import Client
from otp.exceptions import IncorrectCode, SecondProofRequired
from otp.models import TransactionApproval
from otp.models.lifecycle import get_seconds_until
from otp.purposes import Purpose

# Those that are bound to the payment come first: a passkey signs it, a text message names it. An authenticator app
# shows the same code whatever is paid, so what it confirms is bound by our row alone.
ORDER = (Method.PASSKEY, Method.OTP, Method.TOTP)
NEW_PHONE = _(
    "Your phone number was changed less than a day ago. Until a day has passed, a payment is confirmed only by an "
    "authenticator app or passkey that you had before."
)
RESET_BY_PHONE = _(
    "Your password was reset with your phone alone less than a day ago. Until a day has passed, a payment is confirmed "
    "only by an authenticator app or passkey that you had before."
)


def list_methods(request: HttpRequest) -> list[str]:
    """List by what whoever is signed in may confirm a payment now.

    :raises StepUpRequired: sign-in asks them for a second factor, and this session has not been proven by one
    :raises SecondProofRequired: all they have is a phone number that was changed, or reset the password, within the day
    :raises FactorRequired: they have neither a proven phone nor a factor
    """
    user = cast("User", request.user)
    # SECURITY: a browser that is trusted, or a session from before the second factor was turned on, begins no payment.
    if policy.list_asked_at_sign_in(user) and not user.is_verified():
        raise StepUpRequired(methods=assurance.list_methods(user, Step.PAYMENT))
    since = timezone.now() - COOLING_OFF
    if user.phone_changed_at and user.phone_changed_at > since:
        return _list_older_than(user.phone_changed_at, user, NEW_PHONE)
    # SECURITY: the phone that gave the password is no second proof beside it: whoever holds a stolen number would need
    # nothing else to sign in and pay.
    if reset_at := _find_reset_by_phone_alone(user, since):
        return _list_older_than(reset_at, user, RESET_BY_PHONE)
    provable = list_provable(user)
    methods = [str(method) for method in ORDER if method in provable]
    if not methods:
        raise FactorRequired(methods=[])
    return methods


@sensitive_variables("code")
def check(approval: TransactionApproval, method: str, code: str, *, client: Client) -> None:
    """Check a code of the authenticator app, or a passkey's answer, on the person's one budget of failures.

    :raises IncorrectCode: wrong, or used before; also the one that begins a block
    :raises PasskeyOver: the passkey did not sign this payment
    :raises FactorsBlocked, FactorsDisabled: blocked before this one; nothing was compared
    """
    user: Any = approval.user
    if method != Method.PASSKEY:
        checking.raise_if_blocked(FactorBudget.find(user))
    try:
        checking.check(
            user,
            method,
            code,
            allowed=[Method.PASSKEY, Method.TOTP],
            purpose=Purpose.TRANSACTION,
            flow=str(approval.pk),
            client=client,
        )
    except FactorsBlocked:
        raise IncorrectCode from None


def _find_reset_by_phone_alone(user: User, since: datetime) -> datetime | None:
    """Give the time of the newest password reset for which nothing but the phone was proven."""
    resets = SecurityEvent.objects.filter(user=user, kind=EventKind.PASSWORD_RESET, detail="", created_at__gt=since)
    return resets.order_by("-created_at").values_list("created_at", flat=True).first()


def _list_older_than(changed_at: datetime, user: User, reason: Any) -> list[str]:
    """List what the person had before then: whoever changed the number or the password could have added the rest.

    :raises SecondProofRequired: nothing; `retry_after` says when the number alone confirms again
    """
    own = {"user": user, "confirmed": True, "created_at__lt": changed_at}
    has = {
        Method.PASSKEY: WebAuthnCredential.objects.filter(**own).exists(),
        Method.TOTP: TotpDevice.objects.filter(**own).exists(),
    }
    methods = [str(method) for method in ORDER if has.get(method)]
    if not methods:
        raise SecondProofRequired(reason, methods=[], retry_after=get_seconds_until(changed_at + COOLING_OFF))
    return methods
