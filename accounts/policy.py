"""Who needs a second factor, and from when. `OTP_REQUIRE_2FA_FOR` says it for all, the user's own fields for one."""

from django.conf import settings
from django.utils import timezone

from accounts import standing
from accounts.factors.methods import list_enrolled
from accounts.models import User


def is_required(user: User) -> bool:
    """Tell whether the person can't do without a second factor, now or once their grace is over."""
    return user.two_factor_required or _is_required_for_all_like(user)


def is_due(user: User) -> bool:
    """Tell whether the person can't do without one any longer. Staff, and everybody under `all`, have no grace."""
    if _is_required_for_all_like(user):
        return True
    grace = user.two_factor_grace_until
    return user.two_factor_required and (grace is None or grace <= timezone.now())


def is_asked_at_sign_in(user: User) -> bool:
    """Tell whether a right password leads to the person's factors, if they have any."""
    return user.two_factor_enabled or is_required(user)


def list_asked_at_sign_in(user: User) -> list[str]:
    """List what a right password leads to: the person's factors where they are on or a requirement, else nothing."""
    found = standing.find(user.pk) if is_asked_at_sign_in(user) else None
    return found.methods if found else []


def must_enrol(user: User) -> bool:
    """Tell whether the person must set a second factor up before anything else. Staff must for the admin site."""
    return is_due(user) and not list_enrolled(user)


def is_staff_proof_needed() -> bool:
    """Tell whether the admin site opens only to sessions that a second factor has proven."""
    return settings.OTP_REQUIRE_2FA_FOR != "none"


def _is_required_for_all_like(user: User) -> bool:
    rule = settings.OTP_REQUIRE_2FA_FOR
    return rule == "all" or (rule == "staff" and user.is_staff)
