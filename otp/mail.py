"""Mail that tells people what happened to their account. One function per message; call them after the change."""

from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

from otp.background import run_after_answer


def send_password_was_reset(email: str) -> None:
    """Tell the person that their password was changed with a code, and what to do if it was not them."""
    send("account_reset", email)


def send_welcome(email: str) -> None:
    """Greet a person who has just registered, and say what to do if it was not them."""
    send("welcome", email)


def send(template: str, email: str, *, language: str = "", **context: Any) -> None:
    """Send `emails/<template>.txt`, whose first line is the subject, once the open transaction is committed.

    In `language`, or the one of the page that is being answered.
    """
    with translation.override(language or translation.get_language()):
        # SECURITY: links start from SITE_URL, never from the request's Host header.
        text = render_to_string(f"emails/{template}.txt", {"site_url": settings.SITE_URL, **context})
    subject, _, body = text.partition("\n\n")
    run_after_answer(send_mail, subject.strip(), body, None, [email])
