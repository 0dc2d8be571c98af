"""The flows that are measured, as the calls that a person's program makes. `prepare` is not measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.load import Journey, Person
from benchmarks.stand_in import CODE

PASSWORD = "a-horse-in-a-tin-42"  # noqa: S105
NEW_PASSWORD = "a-tin-in-a-horse-24"  # noqa: S105


async def nothing(person: Person) -> None:
    pass


async def send(person: Person) -> None:
    await person.call("POST", "/api/send-otp", {"to": person.phone}, 201)


async def verify(person: Person) -> None:
    await person.call("POST", "/api/verify-otp", {"to": person.phone, "code": CODE})


async def send_for_registration(person: Person) -> None:
    await person.call("POST", "/api/send-otp", {"to": person.phone, "purpose": "registration"}, 201)


async def register(person: Person) -> None:
    body = {"email": person.email, "password": PASSWORD, "phone": person.phone, "otp_code": CODE}
    await person.call("POST", "/api/register-with-otp", body, 201)


async def ask_for_reset(person: Person) -> None:
    await person.call("POST", "/api/forgot-password-otp", {"email": person.email, "phone": person.phone}, 202)


async def reset(person: Person) -> None:
    body = {"email": person.email, "phone": person.phone, "otp_code": CODE, "new_password": NEW_PASSWORD}
    await person.call("POST", "/api/forgot-password-otp", body)


async def take_token(person: Person) -> None:
    person.csrf_token = (await person.call("GET", "/api/session"))["csrf_token"]


async def sign_in(person: Person) -> None:
    await person.call("POST", "/api/login", {"email": person.email, "password": PASSWORD})
    await person.call("POST", "/api/login/verify", {"code": CODE, "method": "otp"})


async def call_floor(person: Person) -> None:
    await person.call("POST", "/call", {"to": person.phone}, 201)


async def call_floor_with_statements(person: Person) -> None:
    await person.call("POST", "/call-and-statements", {"to": person.phone}, 201)


async def call_django(person: Person) -> None:
    await person.call("GET", "/django")


@dataclass(frozen=True)
class Flow:
    name: str
    measured: Journey
    prepare: Journey = nothing
    needs: Callable[[Sequence[Person]], None] | None = None


def make_members(people: Sequence[Person]) -> None:
    """Give each an account with a proven phone."""
    from django.contrib.auth.hashers import make_password
    from django.utils import timezone

    from accounts.models import User

    password = make_password(PASSWORD)
    User.objects.bulk_create(
        User(
            email=person.email,
            password=password,
            phone=person.phone,
            phone_verified_at=timezone.now(),
            language="en",  # of the page that they registered on
        )
        for person in people
    )


def make_members_with_phone_factor(people: Sequence[Person]) -> None:
    """Give each an account whose second factor is its phone."""
    from accounts.models import PhoneDevice, User

    make_members(people)
    users = User.objects.filter(email__in=[person.email for person in people])
    users.update(two_factor_enabled=True)
    PhoneDevice.objects.bulk_create(PhoneDevice(user=user, name="phone", confirmed=True) for user in users)


FLOWS = [
    Flow("send-otp", send),
    Flow("verify-otp", verify, prepare=send),
    Flow("register", register, prepare=send_for_registration),
    Flow("forgot: ask", ask_for_reset, needs=make_members),
    Flow("forgot: reset", reset, prepare=ask_for_reset, needs=make_members),
    Flow("sign-in, both steps", sign_in, prepare=take_token, needs=make_members_with_phone_factor),
]
FLOORS = [Flow("B: bare Django", call_django), Flow("F: DRF and one call", call_floor)]
STATEMENTS_FLOOR = Flow("S: F and bare statements", call_floor_with_statements)
