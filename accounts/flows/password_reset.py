"""Password reset over pages: what the session keeps between the steps. The rules are `otp.flows.password_reset`'s.

Nothing here looks an account up: the session of a customer and that of a stranger hold the same.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, field

from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts.waiting import Waiting
from otp.client import Client
from otp.destinations import fold_email, parse_phone
from otp.exceptions import SecondProofRequired
from otp.flows import password_reset

KEY = "password_reset"


@dataclass
class Reset:
    """A reset that was begun, for whoever the pair belongs to, if anybody."""

    email: str
    phone: str  # E.164
    waiting: Waiting
    token: str = ""  # the proof of the phone, once there is one
    methods: list[str] = field(default_factory=list)
    password_hash: str = ""

    def save(self, session: SessionBase) -> None:
        session[KEY] = asdict(self)


def find_reset(session: SessionBase) -> Reset | None:
    """Find what the first step left in this session."""
    if not (kept := session.get(KEY)):
        return None
    return Reset(**{**kept, "waiting": Waiting(**kept["waiting"])})


def start(request: HttpRequest, *, email: str, phone: str) -> None:
    """Take the first step. Where the same pair's code is still good, no second one is asked for.

    :raises OtpError: see `password_reset.start`
    """
    kept = find_reset(request.session)
    pair = (fold_email(email), parse_phone(phone).address)
    if not (kept and (kept.email, kept.phone) == pair and kept.waiting.is_live):
        Reset(*pair, _send(*pair, request)).save(request.session)


def resend(request: HttpRequest, reset: Reset, *, channel: str = "") -> None:
    """Ask for another code for the same pair, the same way or another.

    :raises OtpError: see `password_reset.start`
    """
    reset.waiting = _send(reset.email, reset.phone, request, channel)
    reset.save(request.session)


@sensitive_variables("code", "new_password")
def finish(request: HttpRequest, reset: Reset, *, code: str, new_password: str) -> None:
    """Set the new password. Signs nobody in.

    Where the phone is not enough, its proof and the password's hash are kept for `finish_with_proof`.

    :raises SecondProofRequired: the phone is proven, and something else must be
    :raises OtpError: see `password_reset.finish`
    """
    try:
        password_reset.finish(
            email=reset.email,
            phone=reset.phone,
            code=code,
            new_password=new_password,
            client=Client.from_request(request),
        )
    except SecondProofRequired as error:
        reset.token, reset.methods = error.verification_token or "", error.methods or []
        reset.password_hash = make_password(new_password)
        reset.save(request.session)
        raise
    del request.session[KEY]


@sensitive_variables("code")
def finish_with_proof(request: HttpRequest, reset: Reset, *, method: str, code: str) -> None:
    """Give the second proof, and set the password that was chosen before. Signs nobody in.

    :raises OtpError: see `password_reset.finish`
    """
    password_reset.finish_prepared(
        email=reset.email,
        phone=reset.phone,
        set_password=lambda user: setattr(user, "password", reset.password_hash),
        verification_token=reset.token,
        proofs={method: code},
        client=Client.from_request(request),
    )
    del request.session[KEY]


def send_second_code(request: HttpRequest, reset: Reset) -> None:
    """Have another code sent to the e-mail address: asking with no proof does that, and nothing else."""
    with suppress(SecondProofRequired):
        password_reset.finish_prepared(
            email=reset.email,
            phone=reset.phone,
            set_password=lambda user: None,
            verification_token=reset.token,
            client=Client.from_request(request),
        )


def _send(email: str, phone: str, request: HttpRequest, channel: str = "") -> Waiting:
    client = Client.from_request(request)
    return Waiting.for_code(password_reset.start(email=email, phone=phone, channel=channel, client=client))
