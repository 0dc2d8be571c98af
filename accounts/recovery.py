"""What a password reset asks for beside the phone. Named by `OTP_RECOVERY`; `otp.recovery` says what is for what.

An account is never recovered by one channel alone: where the phone is also its second factor, or was put on the account
within the last day, something else must prove the person (NIST SP 800-63B-4 section 4.2.2.2).
"""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.factors import backup_codes, checking
from accounts.factors.methods import Method, list_enrolled
from accounts.flows.sessions import end_all_sessions
from accounts.models import SecurityEvent
from accounts.models.event import EventKind
from accounts.models.phone_change import COOLING_OFF
from otp import services
from otp.client import Client
from otp.destinations import Destination
from otp.exceptions import OtpError, SecondProofRequired
from otp.purposes import Channel, Purpose
from otp.recovery import SecondProof

EMAIL = "email"
UNPROVABLE = _("This account can’t be reset with its phone alone. Ask support.")


def check(user: Any, proofs: dict[str, str], *, client: Client) -> SecondProof:
    """Check the second proof. Where it is missing, and the e-mail may be it, a code goes there at once."""
    if not is_needed(user):
        return SecondProof()
    methods = list_second_proofs(user)
    given = next((method for method in methods if proofs.get(method)), "")
    if not given:
        if EMAIL in methods:
            send_email_code(user, client=client)
        raise SecondProofRequired(None if methods else UNPROVABLE, methods=methods)
    if given == EMAIL:
        return SecondProof(EMAIL, _check_email_code(user, proofs[EMAIL], client))
    checking.check(user, given, proofs[given], allowed=methods, purpose=Purpose.PASSWORD_RESET, flow="", client=client)
    return SecondProof(given)


def settle(user: Any, second: SecondProof, *, client: Client) -> None:
    """End every session and all trust, and note what happened. The second factor stays as it is."""
    end_all_sessions(user)
    if second.method == Method.BACKUP_CODE:
        backup_codes.pause(user)
    SecurityEvent.record(EventKind.PASSWORD_RESET, user, client, detail=second.method)


def is_needed(user: Any) -> bool:
    """Tell whether the phone alone is too little."""
    enrolled = list_enrolled(user)
    is_new = user.phone_changed_at is not None and user.phone_changed_at > timezone.now() - COOLING_OFF
    return Method.OTP in enrolled or is_new


def list_second_proofs(user: Any) -> list[str]:
    """List what may prove the person beside the phone."""
    own = [method for method in list_enrolled(user) if method in {Method.TOTP, Method.BACKUP_CODE}]
    return ([EMAIL] if Channel.EMAIL in settings.OTP_CHANNELS else []) + own


def send_email_code(user: Any, *, client: Client) -> None:
    """Send a code to the account's address, unless one has just gone out. What is in the way shows at the next try."""
    with suppress(OtpError):
        services.send_otp(
            user.email,
            Channel.EMAIL,
            purpose=Purpose.PASSWORD_RESET,
            flow=_name_flow(user),
            user_id=user.pk,
            client=client,
        )


def _check_email_code(user: Any, code: str, client: Client) -> Any:
    # A code that was asked for by `send-otp` with this purpose does as well: it proves the same mailbox.
    return services.prove(
        Destination(user.email),
        purpose=Purpose.PASSWORD_RESET,
        code=code,
        bindings=[*services.get_bindings(_name_flow(user), user.pk), ""],
        client=client,
    )


def _name_flow(user: Any) -> str:
    return f"second_proof:{user.pk}"
