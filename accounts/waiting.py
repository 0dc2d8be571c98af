"""What a page that waits for a code knows of it, in the form that a session can keep."""

import math
import time
from dataclasses import dataclass

from otp.models import Verification


@dataclass
class Waiting:
    """A code on its way. Times are seconds since 1970; `to` is masked."""

    to: str
    channel: str
    resend_at: float
    expires_at: float

    @classmethod
    def for_code(cls, verification: Verification) -> "Waiting":
        return cls(
            to=verification.destination_masked,
            channel=verification.channel,
            resend_at=verification.next_send_at.timestamp(),
            expires_at=verification.expires_at.timestamp(),
        )

    @property
    def is_live(self) -> bool:
        return self.expires_at > time.time()

    @property
    def resend_in(self) -> int:
        """Seconds until another code may be asked for; 0 when that is now."""
        return max(0, math.ceil(self.resend_at - time.time()))
