"""What codes are for, how they travel, and which Verify Service serves which purpose. Public."""

from django.conf import settings
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Purpose(TextChoices):
    ANY_PUBLIC = "any_public", _("any public use")
    VERIFICATION = "verification", _("verification")
    REGISTRATION = "registration", _("registration")
    PASSWORD_RESET = "password_reset", _("password reset")
    LOGIN = "login", _("sign-in")
    STEP_UP = "step_up", _("fresh proof")
    PHONE_CHANGE = "phone_change", _("phone change")
    TRANSACTION = "transaction", _("transaction")


class Channel(TextChoices):
    SMS = "sms", _("text message")
    WHATSAPP = "whatsapp", _("WhatsApp")
    CALL = "call", _("phone call")
    EMAIL = "email", _("e-mail")


PHONE_CHANNELS = (Channel.SMS, Channel.WHATSAPP, Channel.CALL)
PUBLIC_PURPOSES = (Purpose.VERIFICATION, Purpose.REGISTRATION, Purpose.PASSWORD_RESET)


def get_accepted_purposes(purpose: str) -> tuple[str, ...]:
    """Name the purposes a code may have been asked for so that it counts for this one.

    A code asked for without a purpose serves whichever public call uses it first; nothing else crosses over.
    """
    return (purpose, Purpose.ANY_PUBLIC) if purpose in PUBLIC_PURPOSES else (purpose,)


# Purposes of one group share a Verify Service and the limits of a destination; groups share neither.
GROUPS: dict[str, tuple[str, ...]] = {
    "TWILIO_VERIFY_SERVICE_SID": (*PUBLIC_PURPOSES, Purpose.ANY_PUBLIC),
    "TWILIO_LOGIN_SERVICE_SID": (Purpose.LOGIN, Purpose.STEP_UP, Purpose.PHONE_CHANGE),
    "TWILIO_PSD2_SERVICE_SID": (Purpose.TRANSACTION,),
}


def get_group(purpose: str) -> tuple[str, ...]:
    """Name the purposes of the group that one belongs to.

    SECURITY: what strangers can ask for is counted apart from what the owner does after the password, so that nobody's
    guesses or sends from outside close the owner's own way in.
    """
    return next(group for group in GROUPS.values() if purpose in group)


def get_service_sid(purpose: str) -> str:
    """Give the Verify Service of a purpose's group.

    Twilio re-sends the same digits to one number for ten minutes within one Service, so groups that must not
    touch each other have a Service each: a stranger's reset then never burns the owner's sign-in code.
    """
    return next(getattr(settings, name) for name, group in GROUPS.items() if purpose in group)
