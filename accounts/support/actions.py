"""The actions of support, one function each. None of them shows or chooses a password, a code, a seed or a backup code.

Each runs inside the transaction in which it is recorded, and gives the detail for the record, '' where there is none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts import limits, mail, policy
from accounts.factors.methods import Method, list_enrolled
from accounts.flows import password_link
from accounts.flows.factors import MODELS
from accounts.flows.sessions import end_all_sessions, end_some_sessions
from accounts.models import BackupCodeDevice, FactorBudget, PhoneDevice, TotpDevice, User
from accounts.models.event import EventKind
from accounts.support.rights import change_rights
from otp.destinations import Destination

SUPERUSERS = ""  # in the place of a permission
NUMBER = "number"  # beside the methods: the phone number itself, for whoever has lost it for good
FACTORS = {**MODELS, Method.BACKUP_CODE: BackupCodeDevice}
# As staff read them: the phone is not theirs.
LABELS: dict[str, Any] = {
    Method.OTP: _("codes to the phone"),
    Method.TOTP: _("authenticator app"),
    Method.PASSKEY: _("passkeys"),
    Method.BACKUP_CODE: _("backup codes"),
}


@dataclass(frozen=True)
class Action:
    """One action. `name` is in its address, `mail` is what the person is told, `note` what staff read before."""

    name: str
    permission: str
    kind: EventKind
    do: Callable[..., str]
    label: Any
    note: Any
    mail: Any
    fits: Callable[[User], bool] = lambda person: True  # whether to offer it on this person's page
    tell: Callable[[User, "Action", str], None] | None = None  # the mail, where it is none of the ordinary ones
    is_single: bool = False  # whether it is about one person at a time

    def send_mail(self, user: User, reason: str) -> None:
        """Tell the person what was done, and why."""
        if self.tell:
            self.tell(user, self, reason)
        else:
            mail.send_staff_action(user, action=self.mail, reason=reason)


def unlock(user: User) -> str:
    """Forget wrong codes and wrong passwords."""
    limits.clear_sign_in(user.email, [browser.key for browser in user.known_browsers.all()])
    FactorBudget.clear(user)
    return ""


def require_two_factor(user: User, *, grace_until: datetime | None = None) -> str:
    """Make the second factor a requirement, now or from a time on."""
    user.two_factor_required, user.two_factor_grace_until = True, grace_until
    user.save(update_fields=["two_factor_required", "two_factor_grace_until"])
    return f"≥ {date_format(grace_until, 'Y-m-d')}" if grace_until else ""


def stop_requiring(user: User) -> str:
    """Leave the second factor to the person again. What is on stays on."""
    user.two_factor_required, user.two_factor_grace_until = False, None
    user.save(update_fields=["two_factor_required", "two_factor_grace_until"])
    return ""


def turn_two_factor_on(user: User) -> str:
    """Turn the second factor on for somebody who has proven one already.

    :raises PermissionDenied: they have none; the password would be all that is left to ask for
    """
    if not list_enrolled(user):
        raise PermissionDenied
    return _switch_two_factor(user, on=True)


def turn_two_factor_off(user: User) -> str:
    """Turn the second factor off; what is set up stays set up.

    :raises PermissionDenied: it is required of them
    """
    # SECURITY: a requirement is lifted by whoever may lift it, with a reason of its own, before.
    if policy.is_required(user):
        raise PermissionDenied
    return _switch_two_factor(user, on=False)


def _switch_two_factor(user: User, *, on: bool) -> str:
    User.objects.filter(pk=user.pk).update(two_factor_enabled=on)
    end_all_sessions(user)
    return ""


def end_sessions(user: User, *, sessions: list[str] | None = None) -> str:
    """End all sessions and all trust in browsers, or the named sessions alone; see `UserSession.handle`."""
    return str(end_all_sessions(user) if sessions is None else end_some_sessions(user, sessions))


def start_reset(user: User) -> str:
    """Change nothing: the mail that goes out says how to choose a new password."""
    return ""


def tell_how_to_reset(user: User, action: Action, reason: str) -> None:
    """Send whoever has a proven phone to the ordinary reset, and a link to whoever has none."""
    by_link = user.phone_verified_at is None
    path = get_link_path(user) if by_link else reverse("accounts:password-reset")
    mail.send_reset_started(user, path=path, by_link=by_link, reason=reason)


def get_link_path(user: User) -> str:
    return reverse("accounts:password-link-open", args=[password_link.make_token(user)])


def remove_factors(user: User, *, methods: list[str]) -> str:
    """Take factors away, and shut out whoever is signed in. Without any left the second factor is off.

    `methods` may hold `NUMBER` beside them. Backup codes alone are no factor: they go with the last one.
    """
    removed = [
        str(LABELS[name]) for name in FACTORS if name in methods and FACTORS[name].objects.filter(user=user).delete()[0]
    ]
    if NUMBER in methods and user.phone:
        removed.append(Destination(user.phone).masked)
        PhoneDevice.objects.filter(user=user).delete()
        user.phone, user.phone_verified_at, user.phone_changed_at = "", None, timezone.now()
        user.save(update_fields=["phone", "phone_verified_at", "phone_changed_at"])
    if not list_enrolled(user):
        BackupCodeDevice.objects.filter(user=user).delete()
        TotpDevice.objects.filter(user=user).delete()  # one that is being set up as well
        User.objects.filter(pk=user.pk).update(two_factor_enabled=False)
    FactorBudget.clear(user)
    end_all_sessions(user)
    return ", ".join(removed)


def switch_off(user: User) -> str:
    """Close the account: nobody signs in to it, and whoever is, is out."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    end_all_sessions(user)
    return ""


def switch_on(user: User) -> str:
    User.objects.filter(pk=user.pk).update(is_active=True)
    return ""


ACTIONS = {
    action.name: action
    for action in (
        Action(
            "unlock",
            "accounts.unlock_user",
            EventKind.UNLOCKED,
            unlock,
            _("Unlock"),
            _("Forgets the wrong codes and wrong passwords so far: the person can try again at once."),
            _("Your account was unlocked: you can sign in again."),
        ),
        Action(
            "require-two-factor",
            "accounts.require_two_factor",
            EventKind.TWO_FACTOR_REQUIRED,
            require_two_factor,
            _("Require a second factor"),
            _("Whoever has none is led to setting one up at the next page, or from the day you name on."),
            _("Your account now needs a second factor. Sign in to set one up, if you have none yet."),
        ),
        Action(
            "stop-requiring",
            "accounts.require_two_factor",
            EventKind.TWO_FACTOR_OPTIONAL,
            stop_requiring,
            _("Stop requiring a second factor"),
            _("Leaves it to the person again. A second factor that is on stays on until they turn it off."),
            _("Your account no longer has to have a second factor. If yours is on, it stays on."),
            lambda person: person.two_factor_required,
        ),
        Action(
            "turn-two-factor-on",
            "accounts.require_two_factor",
            EventKind.TWO_FACTOR_ON,
            turn_two_factor_on,
            _("Turn the second factor on"),
            _("For somebody who has set one up and asks for it. They are signed out, and can turn it off again."),
            _("Your second factor was turned on, and you were signed out. Sign in with it."),
            lambda person: not person.two_factor_enabled and bool(list_enrolled(person)),
            is_single=True,
        ),
        Action(
            "turn-two-factor-off",
            "accounts.remove_factors",
            EventKind.TWO_FACTOR_OFF,
            turn_two_factor_off,
            _("Turn the second factor off"),
            _(
                "What is set up stays, but the password alone opens the account: be sure who is asking. They are "
                "signed out everywhere."
            ),
            _("Your second factor was turned off, and you were signed out everywhere. Turn it on again in Security."),
            lambda person: person.two_factor_enabled and not policy.is_required(person),
            is_single=True,
        ),
        Action(
            "end-sessions",
            "accounts.end_sessions",
            EventKind.SESSION_ENDED,
            end_sessions,
            _("End sessions"),
            _("Signs the person out. They can sign in again with what they have."),
            _("You were signed out. Sign in again when you need to."),
        ),
        Action(
            "start-reset",
            "accounts.start_reset",
            EventKind.RESET_STARTED,
            start_reset,
            _("Start a password reset"),
            _(
                "Mails the person how to choose a new password: with a code to their phone, or by a link if they have "
                "none. Until they do, nothing changes. Nobody but them sees or chooses the password."
            ),
            "",
            lambda person: person.is_active,
            tell_how_to_reset,
        ),
        Action(
            "remove-factors",
            "accounts.remove_factors",
            EventKind.FACTOR_REMOVED,
            remove_factors,
            _("Remove factors"),
            _(
                "For somebody who has lost what they confirm sign-ins with. Afterwards the password alone may open the "
                "account: be sure who is asking. They are signed out everywhere."
            ),
            _(
                "Ways to confirm that it is you were removed from your account, and you were signed out everywhere. "
                "Sign in and set up new ones."
            ),
        ),
        Action(
            "switch-off",
            "accounts.switch_user_off",
            EventKind.SWITCHED_OFF,
            switch_off,
            _("Switch the account off"),
            _("Nobody can sign in to it until it is switched on again. Whoever is signed in is signed out."),
            _("Your account was switched off. Nobody can sign in to it."),
            lambda person: person.is_active,
        ),
        Action(
            "switch-on",
            "accounts.switch_user_off",
            EventKind.SWITCHED_ON,
            switch_on,
            _("Switch the account on"),
            _("The person can sign in again with what they had."),
            _("Your account was switched on again. You can sign in."),
            lambda person: not person.is_active,
        ),
        Action(
            "change-rights",
            SUPERUSERS,
            EventKind.RIGHTS_CHANGED,
            change_rights,
            _("Change rights"),
            _("What this person may do on this site. Takes effect at once."),
            _("What you may do on the admin site was changed."),
            is_single=True,
        ),
    )
}
