"""Turning the second factor on and off. Each needs a fresh proof, and tells the person."""

from typing import cast

from django.db import transaction
from django.http import HttpRequest

from accounts import assurance, mail, policy
from accounts.assurance import Step
from accounts.exceptions import FactorRequired, PolicyForbids
from accounts.factors import phone
from accounts.factors.methods import list_enrolled
from accounts.flows.login import mark_verified
from accounts.flows.sessions import end_elsewhere
from accounts.models import SecurityEvent, User
from accounts.models.event import EventKind
from otp.client import Client


def switch(request: HttpRequest, *, is_on: bool) -> User:
    """Turn the second factor on or off; the same again changes nothing.

    On needs a factor that is proven: whoever has set none up and has just proven the phone gets the phone.

    :raises StepUpRequired: without a fresh proof of a factor
    :raises FactorRequired: on, and there is none
    :raises PolicyForbids: off, and the person may not
    """
    user = cast("User", request.user)
    assurance.raise_unless_fresh(request, Step.TWO_FACTOR)
    client = Client.from_request(request)
    if not is_on and policy.is_required(user):
        raise PolicyForbids
    with transaction.atomic():
        if is_on and not list_enrolled(user):
            if not user.phone_verified_at:
                raise FactorRequired(methods=[])
            # What has just been proven is a factor from here on, and so it has proven this session.
            mark_verified(request, phone.enrol(user))
        if User.objects.filter(pk=user.pk, two_factor_enabled=not is_on).update(two_factor_enabled=is_on):
            user.two_factor_enabled = is_on
            end_elsewhere(request)
            SecurityEvent.record(EventKind.TWO_FACTOR_ON if is_on else EventKind.TWO_FACTOR_OFF, user, client)
            mail.send_two_factor_switched(user, is_on=is_on)
    return user
