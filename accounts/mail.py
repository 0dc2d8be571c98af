"""Mail that tells people what happened to their account. One function per message; call them with the change."""

from typing import Any

from django.urls import reverse
from django.utils import timezone

from accounts.browser_name import name_browser
from accounts.models import User
from otp import mail
from otp.client import Client


def send_new_sign_in(user: User, client: Client) -> None:
    """Tell of a sign-in with a browser that was never seen for this person."""
    _send("new_sign_in", user, client=client, browser=name_browser(client.user_agent))


def send_second_factor_failed(user: User, client: Client) -> None:
    """Tell that somebody had the right password and not the code."""
    _send("second_factor_failed", user, client=client, browser=name_browser(client.user_agent))


def send_factor_added(user: User, factor: Any) -> None:
    """Tell that there is one more way to sign in. `factor` is its name for people."""
    _send("factor_added", user, factor=factor)


def send_factor_removed(user: User, factor: Any) -> None:
    _send("factor_removed", user, factor=factor)


def send_two_factor_switched(user: User, *, is_on: bool) -> None:
    """Tell that sign-ins now do, or do not, ask for a second factor."""
    _send("two_factor_switched", user, is_on=is_on)


def send_backup_codes_made(user: User) -> None:
    _send("backup_codes_made", user)


def send_backup_code_used(user: User, left: int, client: Client) -> None:
    """Tell that a backup code was used, and how many are left."""
    _send("backup_code_used", user, left=left, client=client, browser=name_browser(client.user_agent))


def send_phone_changed(user: User, *, new_masked: str, token: str) -> None:
    """Tell that another number is on the account. `token` makes the link that puts the old one back."""
    _send(
        "phone_changed", user, new_masked=new_masked, stop_path=reverse("accounts:phone-change-stop-link", args=[token])
    )


def send_phone_change_stopped(user: User, *, old_masked: str) -> None:
    """Tell that the old number is back, and which one that is; '' where there was none."""
    _send("phone_change_stopped", user, old_masked=old_masked)


def send_password_changed(user: User) -> None:
    """Tell that the password was changed by somebody who was signed in."""
    _send("password_changed", user)


def send_staff_action(user: User, *, action: str, reason: str) -> None:
    """Tell what support did to the account, and why. `action` is a sentence."""
    _send("staff_action", user, action=action, reason=reason)


def send_reset_started(user: User, *, path: str, by_link: bool, reason: str) -> None:
    """Tell how to choose a new password, as support wants it. With `by_link` the path itself is the proof."""
    _send("reset_started", user, path=path, by_link=by_link, reason=reason)


def send_account_made(user: User, *, path: str, reason: str) -> None:
    """Invite somebody for whom staff made an account. The path leads to choosing a password."""
    _send("account_made", user, path=path, reason=reason)


def send_password_set(user: User) -> None:
    """Tell that the password was set by the link of a mail."""
    _send("password_set", user)


def _send(template: str, user: User, **context: Any) -> None:
    mail.send(template, user.email, language=user.language, now=timezone.now(), **context)
