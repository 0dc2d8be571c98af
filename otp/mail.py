"""Mail that tells people what happened to their account. One function per message; call them after the change."""

from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string

from otp.background import run_after_answer


def send_password_was_reset(email: str) -> None:
    """Tell the person that their password was changed with a code, and what to do if it was not them."""
    _send("account_reset", email)


def send_welcome(email: str) -> None:
    """Greet a person who has just registered, and say what to do if it was not them."""
    _send("welcome", email)


def _send(template: str, email: str) -> None:
    # SECURITY: links start from SITE_URL, never from the request's Host header.
    context = {"site_url": settings.SITE_URL}
    subject, _, body = render_to_string(f"emails/{template}.txt", context).partition("\n\n")
    run_after_answer(send_mail, subject.strip(), body, None, [email])
