"""Telling of alerts: by mail to `ADMINS`, and to a webhook with a signed body. One that fails does not stop the other.

Signature: `X-SmartFin-Signature: v1=<hex>`, the HMAC-SHA256 under OTP_ALERT_WEBHOOK_SECRET of the timestamp in
`X-SmartFin-Timestamp` (Unix seconds), a full stop and the body. Refuse what is older than five minutes.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests
from django.conf import settings
from django.core.mail import mail_admins
from django.utils.translation import ngettext

from otp.models import Alert

CONNECT_SECONDS, READ_SECONDS = 3, 5


@dataclass(frozen=True)
class Told:
    """What became of telling one target; `fault` is '' when it went well."""

    target: str
    fault: str = ""


class WebhookRefused(Exception):
    """The other side answered with something else than 2xx."""


def tell(alerts: Sequence[Alert]) -> list[Told]:
    """Tell every target that is set up; empty when none is."""
    targets: dict[str, tuple[object, Callable[[Sequence[Alert]], None]]] = {
        "mail": (settings.ADMINS, send_mail),
        "webhook": (settings.OTP_ALERT_WEBHOOK_URL, call_webhook),
    }
    return [_try(name, send, alerts) for name, (is_set, send) in targets.items() if is_set]


def send_mail(alerts: Sequence[Alert]) -> None:
    """Send all in one mail."""
    count = len(alerts)
    subject = ngettext("%(count)s alert: %(first)s", "%(count)s alerts: %(first)s …", count)
    lines = [f"- {alert.sentence}" for alert in alerts]
    mail_admins(
        subject % {"count": count, "first": alerts[0].get_rule_display()},
        "\n\n".join([*lines, f"{settings.SITE_URL}/admin/"]),
    )


def call_webhook(alerts: Sequence[Alert]) -> None:
    """Post all in one call.

    :raises requests.RequestException: no answer in time
    :raises WebhookRefused: an answer, but not 2xx
    """
    timestamp = str(int(time.time()))
    body = json.dumps({"site": settings.SITE_URL, "alerts": [alert.describe() for alert in alerts]}).encode()
    answer = requests.post(
        settings.OTP_ALERT_WEBHOOK_URL,
        data=body,
        headers={
            "Content-Type": "application/json",
            "X-SmartFin-Timestamp": timestamp,
            "X-SmartFin-Signature": f"v1={sign(timestamp, body)}",
        },
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        # SECURITY: a redirect would take the body to wherever it points, into our own network too.
        allow_redirects=False,
    )
    answer.close()
    if answer.status_code // 100 != 2:
        raise WebhookRefused(f"status {answer.status_code}")


def sign(timestamp: str, body: bytes) -> str:
    secret = settings.OTP_ALERT_WEBHOOK_SECRET.encode()
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _try(name: str, send: Callable[[Sequence[Alert]], None], alerts: Sequence[Alert]) -> Told:
    try:
        send(alerts)
    except WebhookRefused as error:
        return Told(name, str(error))
    except Exception as error:  # noqa: BLE001  whatever a mail server or a network comes up with
        # SECURITY: its kind alone: the words can hold the webhook's address, which is as good as a password.
        return Told(name, type(error).__name__)
    return Told(name)
