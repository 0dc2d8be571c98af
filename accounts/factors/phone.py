"""The phone as a factor: a code by text message, WhatsApp or call, bound to the person and to what they are doing."""

from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from accounts.models import PhoneDevice
from accounts.waiting import Waiting
from otp import services
from otp.client import Client
from otp.destinations import Destination
from otp.exceptions import ChannelUnavailable, CodeExpired
from otp.models.prepared import Given, Prepared
from otp.purposes import PHONE_CHANNELS, Channel, Purpose

CONFIRMED = Prepared(lambda: PhoneDevice.objects.filter(user=Given("user"), confirmed=True))


def list_channels(user: Any, purpose: str) -> list[str]:
    """List how a code can reach a person, the one they prefer first.

    E-mail is no second factor (NIST SP 800-63B-4 section 3.1.3.1): it is offered at sign-in alone, where
    `LOGIN_EMAIL_CODES` allows it, and never to staff.
    """
    channels = [channel.value for channel in PHONE_CHANNELS if channel in settings.OTP_CHANNELS]
    if settings.LOGIN_EMAIL_CODES and purpose == Purpose.LOGIN and not user.is_staff:
        channels += [channel for channel in (Channel.EMAIL.value,) if channel in settings.OTP_CHANNELS]
    return sorted(channels, key=lambda channel: channel != user.preferred_channel)


def send(user: Any, *, purpose: str, flow: str, client: Client, channel: str = "") -> Waiting:
    """Send a code to the person's phone, by the channel they prefer unless another is named.

    :raises ChannelUnavailable: when policy does not allow that channel to this person
    :raises OtpError: see `services.send_otp`
    """
    channels = list_channels(user, purpose)
    if not user.phone_verified_at or not channels or (channel and channel not in channels):
        raise ChannelUnavailable
    channel = channel or channels[0]
    to = user.email if channel == Channel.EMAIL else user.phone
    return Waiting.for_code(services.send_otp(to, channel, purpose=purpose, flow=flow, user_id=user.pk, client=client))


@sensitive_variables("code")
def check(user: Any, code: str, *, purpose: str, flow: str, channel: str, client: Client) -> PhoneDevice | None:
    """Check a code that `send` sent for the same flow, and use it up. Gives the device, if the phone is one and got it.

    :raises CodeExpired: when none is out
    :raises OtpError: see `services.verify_otp`
    """
    # SECURITY: the row decides where the code went: neither number nor address comes from the request.
    to = user.email if channel == Channel.EMAIL else user.phone
    if not to:
        raise CodeExpired
    services.verify_otp(to, code, purpose=purpose, flow=flow, user_id=user.pk, client=client, is_used_at_once=True)
    # SECURITY: a code by e-mail may let somebody in, where policy says so; it is no second factor, and opens nothing
    # that asks for one.
    if channel == Channel.EMAIL:
        return None
    device = next(iter(CONFIRMED.find(user=user.pk)), None)
    if device:
        device.note_use()
    return device


def enrol(user: Any) -> PhoneDevice:
    """Make the proven phone a second factor. Call it after a code to it was right."""
    device, _ = PhoneDevice.objects.update_or_create(
        user=user, defaults={"confirmed": True, "name": Destination(user.phone).masked}
    )
    return device
