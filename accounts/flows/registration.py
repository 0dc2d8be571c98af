"""Registration over pages: what the session keeps between the steps. The rules are `otp.flows.registration`'s.

Kept until the account is made: address, number, the password's hash and never the password, and a random id that binds
the code to this browser.
"""

import secrets
from dataclasses import asdict, dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from accounts.waiting import Waiting
from otp import services
from otp.client import Client
from otp.exceptions import CodeExpired, EmailTaken, PhoneTaken
from otp.flows import registration
from otp.purposes import Purpose

KEY = "registration"


@dataclass
class Application:
    """Somebody on the way to an account. `token` is set once the phone is proven and something else is in the way."""

    email: str
    phone: str  # E.164
    password_hash: str
    flow: str
    waiting: Waiting
    token: str = ""

    def save(self, session: SessionBase) -> None:
        session[KEY] = asdict(self)


def find_application(session: SessionBase) -> Application | None:
    """Find what the first step left in this session."""
    if not (kept := session.get(KEY)):
        return None
    return Application(**{**kept, "waiting": Waiting(**kept["waiting"])})


@sensitive_variables("password")
def start(request: HttpRequest, *, email: str, password: str, phone: str, channel: str) -> User | None:
    """Take the first step: judge, send a code, keep. Gives the account where the phone was proven before.

    No second message goes out for a number whose code is still good, or that was proven: a person who comes back to
    change the address or the password has nothing to wait for.

    :raises InvalidDestination, WeakPassword: before anything is sent
    :raises EmailTaken, PhoneTaken: where the phone was proven before
    :raises OtpError: see `services.send_otp`
    """
    person = registration.prepare(email=email, password=password, phone=phone)
    kept = find_application(request.session)
    flow = kept.flow if kept else secrets.token_urlsafe(16)
    if kept and kept.phone == person.phone and (kept.token or kept.waiting.is_live):
        waiting, token = kept.waiting, kept.token
    else:
        waiting, token = _send(person.phone, channel, flow, request), ""
    application = Application(person.email, person.phone, make_password(password), flow, waiting, token)
    application.save(request.session)
    if not token:
        return None
    try:
        return finish(request, application)
    except CodeExpired:  # ten minutes have passed since the proof
        application.token, application.waiting = "", _send(person.phone, channel, flow, request)
        application.save(request.session)
        return None


def resend(request: HttpRequest, application: Application, *, channel: str) -> None:
    """Send another code to the same number, the same way unless another is chosen.

    :raises OtpError: see `services.send_otp`
    """
    application.waiting = _send(application.phone, channel or application.waiting.channel, application.flow, request)
    application.save(request.session)


@sensitive_variables("code")
def finish(request: HttpRequest, application: Application, *, code: str = "") -> User:
    """Prove the code and make the account. Signs nobody in.

    :raises EmailTaken: after the proof, which is kept
    :raises PhoneTaken: after the proof
    :raises OtpError: see `registration.register_prepared`
    """
    try:
        user = registration.register_prepared(
            email=application.email,
            password_hash=application.password_hash,
            phone=application.phone,
            code=code,
            verification_token=application.token,
            flow=application.flow,
            client=Client.from_request(request),
        )
    except (EmailTaken, PhoneTaken) as error:
        # The proof of a number that has an account is of no use, and after a few refusals any proof is void: then the
        # next step starts with a code.
        application.token = (isinstance(error, EmailTaken) and error.verification_token) or ""
        if not application.token:
            application.waiting.expires_at = 0
        application.save(request.session)
        raise
    del request.session[KEY]
    return user


def _send(phone: str, channel: str, flow: str, request: HttpRequest) -> Waiting:
    client = Client.from_request(request)
    return Waiting.for_code(services.send_otp(phone, channel, purpose=Purpose.REGISTRATION, flow=flow, client=client))
