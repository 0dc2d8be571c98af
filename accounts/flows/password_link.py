"""A new password by the link in a mail, which support sends to people who have no proven phone to reset with.

The link proves the mailbox. Where the account has factors, one of them must prove the person as well: an account is
never recovered by one channel alone (NIST SP 800-63B-4 section 4.2.2.2).
"""

from typing import Any

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from accounts import mail
from accounts.exceptions import LinkOver
from accounts.factors import backup_codes, checking
from accounts.factors.methods import Method, list_enrolled
from accounts.flows.sessions import end_all_sessions
from accounts.models import SecurityEvent, User
from accounts.models.event import EventKind
from accounts.recovery import UNPROVABLE
from otp import services
from otp.client import Client
from otp.exceptions import SecondProofRequired
from otp.flows.registration import raise_if_weak
from otp.purposes import Purpose


class PasswordLinks(PasswordResetTokenGenerator):
    """Good for a day (`PASSWORD_RESET_TIMEOUT`), until the next sign-in, or another password."""

    key_salt = "accounts.flows.password_link"


links = PasswordLinks()


def make_token(user: User) -> str:
    """Make what the mail's link carries."""
    return f"{user.pk}.{links.make_token(user)}"


def find(token: str) -> User:
    """Find whose link it is.

    :raises LinkOver: forged, too old, used; or the account has a proven phone by now, and resets with that
    """
    pk, _, stamp = token.partition(".")
    is_number = pk.isascii() and pk.isdigit() and len(pk) < 19
    # SECURITY: whoever has a proven phone resets with it; a mailbox alone would be a weaker way around.
    user = User.objects.filter(pk=pk, is_active=True, phone_verified_at=None).first() if is_number else None
    if user is None or not links.check_token(user, stamp):
        raise LinkOver
    return user


def list_proofs(user: User) -> list[str]:
    """List by what the person must prove themself beside the link; empty where they have no factor.

    :raises SecondProofRequired: they have some, and none that can be asked for here: support must remove it
    """
    enrolled = list_enrolled(user)
    proofs = [method for method in enrolled if method in {Method.TOTP, Method.BACKUP_CODE}]
    if enrolled and not proofs:
        raise SecondProofRequired(UNPROVABLE, methods=[])
    return proofs


@sensitive_variables("new_password", "code")
def finish(token: str, *, new_password: str, method: str = "", code: str = "", client: Client) -> None:
    """Set the new password. Signs nobody in; ends every session and every open code.

    :raises LinkOver: see `find`
    :raises WeakPassword: before any code is looked at
    :raises SecondProofRequired: see `list_proofs`
    :raises OtpError: see `checking.check`
    """
    user = find(token)
    raise_if_weak(new_password, user, "new_password")
    if proofs := list_proofs(user):
        options: Any = {"allowed": proofs, "purpose": Purpose.PASSWORD_RESET, "flow": "", "client": client}
        checking.check(user, method, code, **options)
    old = user.password
    user.set_password(new_password)
    with transaction.atomic():
        # SECURITY: the row count decides: one link sets one password.
        if User.objects.filter(pk=user.pk, password=old, phone_verified_at=None).update(password=user.password) != 1:
            raise LinkOver
        services.cancel_all(user.pk)
        end_all_sessions(user)
        if method == Method.BACKUP_CODE:
            # SECURITY: one paper must not both set the password and pass the second step.
            backup_codes.pause(user)
        SecurityEvent.record(EventKind.PASSWORD_RESET, user, client, detail="link")
        mail.send_password_set(user)
