"""Passkeys from the session's side: asking for a signature at sign-in and for a fresh proof; adding and naming them.

What the browser gives back for the first two goes to `login.finish` and `step_up.prove`, like any code. Removing is
`factors.remove`.
"""

import secrets
from dataclasses import asdict
from typing import Any, cast
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables
from django_otp_webauthn.models import WebAuthnCredential

from accounts import assurance, pending_login
from accounts.assurance import Step
from accounts.factors import passkey
from accounts.factors.methods import Method
from accounts.flows import step_up
from accounts.flows.factors import note_added
from accounts.models import User
from otp.exceptions import ChannelUnavailable, NotFound
from otp.flows import approvals
from otp.purposes import Purpose

KEY = "passkey_flow"  # session key: ties a passkey that is being added to the session
NO_PASSKEY = _("No passkey can be used here. Choose another way.")


def begin_sign_in(request: HttpRequest) -> dict[str, Any]:
    """Ask the pending sign-in's person for a passkey; see `passkey.begin_use`.

    :raises SignInOver: none is pending
    :raises ChannelUnavailable: the person has none
    """
    pending, user = pending_login.get(request)
    if Method.PASSKEY not in pending.methods:
        raise ChannelUnavailable(NO_PASSKEY)
    return passkey.begin_use(user, purpose=Purpose.LOGIN, flow=pending.flow)


def begin_step_up(request: HttpRequest, step: str) -> dict[str, Any]:
    """Ask for a passkey as a fresh proof for one step; see `passkey.begin_use`.

    :raises FactorRequired: there is nothing to prove the person by
    :raises ChannelUnavailable: passkeys are not among it
    """
    if Method.PASSKEY not in step_up.list_methods(request, step):
        raise ChannelUnavailable(NO_PASSKEY)
    begun = step_up.find(request, step)
    request.session[step_up.KEY] = asdict(begun)
    return passkey.begin_use(request.user, purpose=Purpose.STEP_UP, flow=begun.flow)


def begin_payment(request: HttpRequest, approval_id: UUID) -> dict[str, Any]:
    """Ask for a passkey that signs one payment: its digest is the challenge. The answer goes to `approvals.confirm`.

    :raises OtpError: see `approvals.get` and `approvals.raise_if_closed`
    :raises ChannelUnavailable: passkeys are not among what may confirm it
    """
    approval = approvals.get(request, approval_id)
    approvals.raise_if_closed(approval)
    if Method.PASSKEY not in approval.methods:
        raise ChannelUnavailable(NO_PASSKEY)
    return passkey.begin_use(
        request.user, purpose=Purpose.TRANSACTION, flow=str(approval.pk), challenge=approval.challenge
    )


def begin_adding(request: HttpRequest) -> dict[str, Any]:
    """Ask the browser for a new passkey; see `passkey.begin_adding`.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    :raises TooManyPasskeys: the person has as many as an account can have
    """
    assurance.raise_unless_fresh(request, Step.FACTORS)
    flow = request.session.setdefault(KEY, secrets.token_urlsafe(16))
    return passkey.begin_adding(request.user, flow=flow)


@sensitive_variables("code")
def add(request: HttpRequest, *, code: str, name: str) -> WebAuthnCredential:
    """Make the passkey that the browser made a factor. `code` is its answer, as JSON.

    :raises StepUpRequired, FactorRequired: without a fresh proof
    :raises PasskeyOver, PasskeyRefused, PasskeyTaken: see `passkey.read_new` and `passkey.keep`
    """
    assurance.raise_unless_fresh(request, Step.FACTORS)
    device = passkey.read_new(request.user, code, name=name, flow=request.session.get(KEY, ""))
    with transaction.atomic():
        passkey.keep(device)
        note_added(request, device, Method.PASSKEY)
    return device


def rename(user: User, pk: int, name: str) -> WebAuthnCredential:
    """Call a passkey something else. It changes nothing about who can sign in: a proof is not asked for.

    :raises NotFound: the person has no such passkey
    """
    device = get(user, pk)
    device.name = name
    device.save(update_fields=["name"])
    return device


def get(user: User, pk: int) -> WebAuthnCredential:
    """Give one of a person's passkeys.

    :raises NotFound: the person has no such passkey
    """
    device = WebAuthnCredential.objects.filter(user=user, confirmed=True, pk=pk).first()
    if device is None:
        raise NotFound
    return cast("WebAuthnCredential", device)


def list_own(user: User) -> list[WebAuthnCredential]:
    """List a person's passkeys, the oldest first."""
    return list(WebAuthnCredential.objects.filter(user=user, confirmed=True).order_by("pk"))
