"""Django's mail backend of the sandbox: the site's own mail goes to the inbox as well."""

from collections.abc import Sequence
from email.utils import parseaddr

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from otp.sandbox.clock import now
from otp.sandbox.models import Message
from otp.sandbox.verifications import folded


class InboxBackend(BaseEmailBackend):
    """Keeps one message for each recipient."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        sent_at = now()
        for mail in email_messages:
            # "Alice <alice@example.com>" is found under her address.
            addresses = [parseaddr(recipient)[1] or recipient for recipient in mail.recipients()]
            Message.objects.bulk_create(
                Message(
                    to=address[:254],
                    to_folded=folded(address)[:254],
                    channel="email",
                    subject=str(mail.subject)[:255],
                    body=str(mail.body),
                    sent_at=sent_at,
                )
                for address in addresses
            )
        return len(email_messages)
