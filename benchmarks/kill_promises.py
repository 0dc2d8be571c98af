"""What must be true of a person's rows whenever a process has died in the middle of their call."""

from http import HTTPStatus

from django.contrib.auth import SESSION_KEY
from django.db.models import Count, Q, QuerySet

from accounts.models import User, UserSession
from accounts.models.session import SIGNED_IN
from benchmarks.journeys import NEW_PASSWORD
from benchmarks.traveller import Traveller
from otp.destinations import Destination
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind, Outcome
from otp.models.lifecycle import Status
from otp.purposes import Purpose

PUBLIC_CALLS = ("/api/send-otp", "/api/verify-otp", "/api/register-with-otp", "/api/forgot-password-otp")


def find_broken_promises(person: Traveller, messages: int, *, registers: bool) -> list[str]:
    """Look at the ledger, the audit, the account and the sessions of one person; `registers` who had no account."""
    return [
        *_find_in_audit(person, messages),
        *_find_in_account(person, registers=registers),
        *_find_in_sessions(person),
        *(
            f"{path} answered {status}"
            for path, status in person.answers
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE
        ),
    ]


def count_crashed(person: Traveller) -> int:
    return _find_attempts(person).filter(outcome=Outcome.CRASHED).count()


def _find_attempts(person: Traveller) -> QuerySet[VerificationAttempt]:
    return VerificationAttempt.objects.to(Destination(person.phone))


def _count_redeemed(person: Traveller, *purposes: str) -> int:
    redeemed = Verification.objects.to(Destination(person.phone)).filter(status=Status.REDEEMED)
    return redeemed.filter(purpose__in=purposes).count()


def _find_in_audit(person: Traveller, messages: int) -> list[str]:
    broken = []
    attempts = _find_attempts(person)
    # A row that failed stands for no message.
    sends = attempts.filter(kind=Kind.SEND, outcome__in=[Outcome.OK, Outcome.CRASHED]).count()
    if messages > sends:
        broken.append(f"{messages} messages and {sends} rows of sends")
    owed = sum(path in PUBLIC_CALLS and status != HTTPStatus.SERVICE_UNAVAILABLE for path, status in person.answers)
    if attempts.count() < owed:
        broken.append(f"{owed} answers and {attempts.count()} rows")
    accepted = Count("attempts", filter=Q(attempts__kind=Kind.CHECK, attempts__outcome=Outcome.OK))
    rows = Verification.objects.to(Destination(person.phone)).annotate(accepted=accepted)
    if rows.filter(accepted__gt=1).exists():
        broken.append("a code accepted twice")
    return broken


def _find_in_account(person: Traveller, *, registers: bool) -> list[str]:
    broken = []
    users = list(User.objects.filter(Q(email=person.email) | Q(phone=person.phone)))
    if len(users) > 1:
        broken.append(f"{len(users)} accounts")
    if registers and len(users) != _count_redeemed(person, Purpose.REGISTRATION):
        broken.append("an account without its proof, or a proof without its account")
    has_new = any(user.check_password(NEW_PASSWORD) for user in users)
    if has_new != bool(_count_redeemed(person, Purpose.PASSWORD_RESET)):
        broken.append("a password without its proof, or a proof without its password")
    return broken


def _find_in_sessions(person: Traveller) -> list[str]:
    broken = []
    sessions = UserSession.objects.filter(user__email=person.email)
    if sessions.filter(user__two_factor_enabled=True).count() > _count_redeemed(person, Purpose.LOGIN):
        broken.append("signed in without a second factor")
    for session in UserSession.objects.all():
        kept = session.get_decoded()
        if (SESSION_KEY in kept) != (SIGNED_IN in kept) or (SESSION_KEY in kept) != (session.user_id is not None):
            broken.append("a session that is half signed in")
    return broken
