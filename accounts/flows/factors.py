"""Adding and removing factors. Each needs a fresh proof, ends the other sessions, and tells the person.

Passkeys have a ceremony of their own: `accounts.flows.passkeys`.
"""

from typing import Any, cast

from django.db import transaction
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables
from django_otp.models import Device
from django_otp_webauthn.models import WebAuthnCredential

from accounts import assurance, mail, policy
from accounts.assurance import Step
from accounts.exceptions import FactorRequired, LastFactor
from accounts.factors import backup_codes, phone, totp
from accounts.factors.methods import Method, list_enrolled
from accounts.flows.login import mark_verified
from accounts.flows.sessions import end_elsewhere
from accounts.models import BackupCodeDevice, FactorBudget, PhoneDevice, SecurityEvent, TotpDevice, User
from accounts.models.event import EventKind
from otp.client import Client
from otp.exceptions import NotFound

TOTP_SETUP = "totp_setup"  # session key: the app that is being set up in this session
MODELS: dict[str, Any] = {Method.OTP: PhoneDevice, Method.TOTP: TotpDevice, Method.PASSKEY: WebAuthnCredential}


def begin_totp(request: HttpRequest) -> TotpDevice:
    """Give the app that is being set up in this session: the same one until a code of it was right.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    """
    assurance.raise_unless_fresh(request, Step.FACTORS)
    device = totp.begin(request.user, request.session.get(TOTP_SETUP))
    request.session[TOTP_SETUP] = device.pk
    return device


@sensitive_variables("code")
def add_totp(request: HttpRequest, *, code: str) -> None:
    """Make the authenticator app that is being set up a factor.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    :raises IncorrectCode: the code is not of that app
    :raises CodeExpired: nothing is being set up in this session
    """
    assurance.raise_unless_fresh(request, Step.FACTORS)
    with transaction.atomic():
        note_added(request, totp.confirm(request.user, code, request.session.get(TOTP_SETUP)), Method.TOTP)
    request.session.pop(TOTP_SETUP, None)


def add_phone(request: HttpRequest) -> None:
    """Make the account's phone a factor, after a fresh proof by that very phone.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    """
    assurance.raise_unless_fresh(request, Step.FACTORS)
    assurance.raise_unless_fresh(request, Step.ADD_PHONE)
    with transaction.atomic():
        note_added(request, phone.enrol(request.user), Method.OTP)


def make_backup_codes(request: HttpRequest) -> list[str]:
    """Make ten new backup codes, void the old ones, and give the new ones: this once.

    :raises StepUpRequired: without a fresh proof
    :raises FactorRequired: there is no factor that they could back up
    """
    assurance.raise_unless_fresh(request, Step.BACKUP_CODES)
    user = cast("User", request.user)
    if not list_enrolled(user):
        raise FactorRequired(methods=[])
    with transaction.atomic():
        _, codes = backup_codes.make(user)
        SecurityEvent.record(EventKind.BACKUP_CODES_MADE, user, Client.from_request(request))
        mail.send_backup_codes_made(user)
    return codes


def remove(request: HttpRequest, *, method: str, pk: int) -> None:
    """Take a factor away.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    :raises NotFound: the person has no such factor
    :raises LastFactor: the second factor is on, or a requirement, and would have nothing left to rest on
    """
    assurance.raise_unless_fresh(request, Step.FACTORS)
    user = cast("User", request.user)
    # The account first: two removals at once wait here, and the second sees what the first has left.
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if not MODELS[method].objects.filter(pk=pk, user=user).delete()[0]:
            raise NotFound
        if not list_enrolled(user) and (user.two_factor_enabled or policy.is_required(user)):
            raise LastFactor
        if not list_enrolled(user):
            # SECURITY: codes on a forgotten paper must not wake up with the next factor.
            BackupCodeDevice.objects.filter(user=user).delete()
        end_elsewhere(request)
        label = Method(method).label
        SecurityEvent.record(EventKind.FACTOR_REMOVED, user, Client.from_request(request), detail=label)
        mail.send_factor_removed(user, label)


def note_added(request: HttpRequest, device: Device, method: str) -> None:
    """Do what follows from a new factor, inside the transaction that adds it.

    The first one turns the second factor on: that is what it was added for. One that is set up anew ends the state in
    which codes are switched off.
    """
    user = cast("User", request.user)
    label = Method(method).label
    client = Client.from_request(request)
    FactorBudget.clear(user)
    end_elsewhere(request)
    SecurityEvent.record(EventKind.FACTOR_ADDED, user, client, detail=label)
    mail.send_factor_added(user, label)
    if len(list_enrolled(user)) == 1 and User.objects.filter(pk=user.pk, two_factor_enabled=False).update(
        two_factor_enabled=True
    ):
        user.two_factor_enabled = True
        SecurityEvent.record(EventKind.TWO_FACTOR_ON, user, client)
        mail.send_two_factor_switched(user, is_on=True)
    if not user.is_verified():
        # SECURITY: what the session opens grows: whoever has its key from before has nothing.
        request.session.cycle_key()
        mark_verified(request, device)
