"""Changing the phone number: proof by an existing factor, proof of the new number, a way for the owner to stop it."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from django.core import signing
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_variables

from accounts import assurance, mail
from accounts.assurance import Step
from accounts.exceptions import LinkOver
from accounts.factors.methods import list_enrolled
from accounts.flows.sessions import end_all_sessions, end_elsewhere
from accounts.models import PhoneChange, PhoneDevice, SecurityEvent, User
from accounts.models.event import EventKind
from accounts.models.phone_change import STOPPABLE_FOR
from accounts.waiting import Waiting
from otp import limits, services
from otp.background import run_after_answer
from otp.client import Client
from otp.destinations import Destination, parse_phone
from otp.exceptions import CodeExpired, PhoneTaken
from otp.notices import has_sender, send_notice
from otp.purposes import Purpose

KEY = "phone_change"
SALT = "accounts.phone_change"


@dataclass
class Change:
    """A change that was begun. `flow` binds the new number's code to this session."""

    phone: str  # E.164
    flow: str
    waiting: Waiting


def find(request: HttpRequest) -> Change | None:
    """Find the change that was begun in this session."""
    if not (kept := request.session.get(KEY)):
        return None
    return Change(**{**kept, "waiting": Waiting(**kept["waiting"])})


def start(request: HttpRequest, *, phone: str, channel: str = "") -> Change:
    """Send a code to the new number. The account stays as it is.

    Whether another account has the number is said only once the person has proven that they hold it.

    :raises StepUpRequired, FactorRequired: without a fresh proof by what the account has now
    :raises OtpError: see `services.send_otp`
    """
    assurance.raise_unless_fresh(request, Step.PHONE_CHANGE)
    address = parse_phone(phone).address
    begun = find(request)
    flow = begun.flow if begun and begun.phone == address else secrets.token_urlsafe(16)
    verification = services.send_otp(
        address,
        channel,
        purpose=Purpose.PHONE_CHANGE,
        flow=flow,
        user_id=request.user.pk,
        client=Client.from_request(request),
    )
    change = Change(address, flow, Waiting.for_code(verification))
    request.session[KEY] = asdict(change)
    return change


@sensitive_variables("code")
def finish(request: HttpRequest, *, code: str) -> User:
    """Put the proven number on the account, void everything that rested on the old one, and tell both.

    :raises StepUpRequired, FactorRequired: the fresh proof is over by now
    :raises CodeExpired: nothing was begun
    :raises PhoneTaken: the number belongs to another account
    :raises TooManyRequests: the number was on too many accounts lately
    :raises OtpError: see `services.verify_otp`
    """
    assurance.raise_unless_fresh(request, Step.PHONE_CHANGE)
    user = cast("User", request.user)
    change = find(request)
    if change is None:
        raise CodeExpired
    client = Client.from_request(request)
    # SECURITY: the number that ends up on the account is the one in this session, which the code went to.
    verification = services.verify_otp(
        change.phone, code, purpose=Purpose.PHONE_CHANGE, flow=change.flow, user_id=user.pk, client=client
    )
    limits.raise_if_number_had_accounts(parse_phone(change.phone))
    try:
        with transaction.atomic():
            old = _hold(user).phone
            services.redeem(verification)
            _put(user, change.phone, changed_at=timezone.now())
            end_elsewhere(request)
            row = PhoneChange.objects.create(user=user, old_phone=old, new_phone=change.phone)
            masked = _mask(change.phone)
            SecurityEvent.record(EventKind.PHONE_CHANGED, user, client, detail=masked)
            mail.send_phone_changed(user, new_masked=masked, token=make_stop_token(row))
            if old:
                _tell_old_number(old, user, client)
    except IntegrityError:
        raise PhoneTaken from None
    del request.session[KEY]
    # The number has just been proven: not twice in a row. Whoever had nothing but the password until now, which the
    # proof for this step rested on, sets the phone up as a factor with it.
    assurance.note(request, Step.ADD_PHONE)
    if not list_enrolled(user):
        assurance.note(request, Step.FACTORS)
    return user


def make_stop_token(change: PhoneChange) -> str:
    """Sign a change for the link in the mail that tells of it. What makes it good once is the row."""
    return signing.dumps(str(change.pk), salt=SALT)


def find_stoppable(token: str) -> PhoneChange:
    """Find the change that a mail's link stands for.

    :raises LinkOver: forged, older than three days, or stopped already
    """
    try:
        pk = signing.loads(token, salt=SALT, max_age=STOPPABLE_FOR)
    except signing.BadSignature:
        raise LinkOver from None
    if (change := PhoneChange.find_stoppable(pk)) is None:
        raise LinkOver
    return change


def stop(token: str, *, client: Client) -> User:
    """Put the old number back, and shut out whoever changed it: every session, browser and open code ends.

    :raises LinkOver: see `find_stoppable`
    :raises PhoneTaken: the old number has gone to another account meanwhile
    """
    change = find_stoppable(token)
    user = change.user
    try:
        with transaction.atomic():
            _hold(user)
            if not change.stop():
                raise LinkOver
            # SECURITY: a number that an earlier change has just brought stays a new one.
            _put(user, change.old_phone, changed_at=change.find_when_old_phone_came())
            end_all_sessions(user)
            SecurityEvent.record(EventKind.PHONE_CHANGE_STOPPED, user, client)
            mail.send_phone_change_stopped(user, old_masked=_mask(change.old_phone))
    except IntegrityError:
        raise PhoneTaken from None
    return user


def _mask(phone: str) -> str:
    return Destination(phone).masked if phone else ""


def _hold(user: User) -> User:
    """Have changes of one person's number wait for each other: none may undo what stops it. Gives the row as it is."""
    return User.objects.select_for_update().get(pk=user.pk)


def _put(user: User, phone: str, *, changed_at: datetime | None) -> None:
    """Set the number and what hangs on it.

    :raises django.db.IntegrityError: it is another account's proven number
    """
    user.phone, user.phone_verified_at, user.phone_changed_at = phone, timezone.now() if phone else None, changed_at
    user.save(update_fields=["phone", "phone_verified_at", "phone_changed_at"])
    if phone:
        PhoneDevice.objects.filter(user=user).update(name=_mask(phone))
        return
    PhoneDevice.objects.filter(user=user).delete()
    if not list_enrolled(user):
        User.objects.filter(pk=user.pk).update(two_factor_enabled=False)


def _tell_old_number(old: str, user: User, client: Client) -> None:
    """Tell the old number, where notices by text message are set up; the mail goes out in any case."""
    if not has_sender():
        return
    with translation.override(user.language or translation.get_language()):
        text = gettext("SmartFin: this number was taken off an account. If that was not you, see the mail we sent you.")
    run_after_answer(send_notice, old, text, client=client, user_id=user.pk)
