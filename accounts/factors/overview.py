"""What a person has set up, for the page that shows it."""

from dataclasses import dataclass
from typing import Any

from django_otp_webauthn.models import WebAuthnCredential

from accounts.factors.methods import Method, count_backup_codes, list_enrolled
from accounts.models import PhoneDevice, TotpDevice
from otp.destinations import Destination


@dataclass(frozen=True)
class Overview:
    """A person's factors. `phone` is masked; '' where no number is proven."""

    methods: list[str]
    phone: str
    phone_device: PhoneDevice | None
    totp_device: TotpDevice | None
    passkeys: list[WebAuthnCredential]
    backup_codes_left: int

    @property
    def devices(self) -> list[tuple[str, Any]]:
        """List what the person confirms sign-ins with, each with its method; backup codes apart."""
        devices: list[tuple[str, Any]] = [(Method.OTP, self.phone_device), (Method.TOTP, self.totp_device)]
        devices += [(Method.PASSKEY, passkey) for passkey in self.passkeys]
        return [(method, device) for method, device in devices if device]


def describe(user: Any) -> Overview:
    """Gather a person's factors."""
    return Overview(
        methods=list_enrolled(user),
        phone=Destination(user.phone).masked if user.phone_verified_at else "",
        phone_device=PhoneDevice.objects.filter(user=user, confirmed=True).first(),
        totp_device=TotpDevice.objects.filter(user=user, confirmed=True).first(),
        passkeys=list(WebAuthnCredential.objects.filter(user=user, confirmed=True).order_by("pk")),
        backup_codes_left=count_backup_codes(user),
    )
