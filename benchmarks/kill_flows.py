"""The flows of `benchmarks.kills`: the call that dies, and how the person whose call it was goes on."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from benchmarks.journeys import NEW_PASSWORD, PASSWORD, make_members, make_members_with_phone_factor
from benchmarks.load import Person
from benchmarks.stand_in import CODE
from benchmarks.traveller import (
    Stuck,
    Traveller,
    ask_for_reset,
    begin_sign_in,
    nothing,
    send,
    send_for_registration,
    sign_in,
    take_token,
)

TAKEN = ("phone_taken", "email_taken")


async def finish_sending(person: Traveller, is_done: bool) -> None:
    if not is_done:
        await send(person)
    await person.must("/api/verify-otp", {"to": person.phone, "code": CODE})


async def finish_verifying(person: Traveller, is_done: bool) -> None:
    body = {"to": person.phone, "code": CODE}
    if is_done or (await person.go("/api/verify-otp", body))[0] == HTTPStatus.OK:
        return
    await send(person)
    await person.must("/api/verify-otp", body)


async def finish_registering(person: Traveller, is_done: bool) -> None:
    if not is_done:
        status, answer = await person.go("/api/register-with-otp", person.registration)
        if status != HTTPStatus.CREATED and answer.get("code") not in TAKEN:
            await send_for_registration(person)
            status, answer = await person.go("/api/register-with-otp", person.registration)
            if status != HTTPStatus.CREATED and answer.get("code") not in TAKEN:
                raise Stuck(f"registration: {status} {answer.get('code')}")
    await sign_in(person)


async def finish_asking(person: Traveller, is_done: bool) -> None:
    # An answer promises no message: whoever gets none asks again.
    await ask_for_reset(person)
    await person.must("/api/forgot-password-otp", person.reset)
    await sign_in(person, NEW_PASSWORD)


async def finish_resetting(person: Traveller, is_done: bool) -> None:
    if not is_done and (await person.go("/api/forgot-password-otp", person.reset))[0] != HTTPStatus.OK:
        try:
            await sign_in(person, NEW_PASSWORD)
        except Stuck:
            await ask_for_reset(person)
            await person.must("/api/forgot-password-otp", person.reset)
    await sign_in(person, NEW_PASSWORD)


async def finish_second_step(person: Traveller, is_done: bool) -> None:
    person.pending = dict(person.cookies)
    body = {"code": CODE, "method": "otp"}
    if not is_done and (await person.go("/api/login/verify", body))[0] != HTTPStatus.OK:
        if (await person.must("/api/session"))["second_factor"]["required"]:
            await person.must("/api/login/send", {})
        else:
            await sign_in(person)
        await person.must("/api/login/verify", body)
    if not (await person.must("/api/session"))["authenticated"]:
        raise Stuck("not signed in")


async def finish_first_step(person: Traveller, is_done: bool) -> None:
    if not is_done:
        await sign_in(person)
    await finish_second_step(person, is_done=False)


async def check_again(person: Traveller) -> int:
    return (await person.go("/api/verify-otp", {"to": person.phone, "code": CODE}))[0]


async def register_again(person: Traveller) -> int:
    return (await person.go("/api/register-with-otp", {**person.registration, "email": f"other-{person.email}"}))[0]


async def reset_again(person: Traveller) -> int:
    return (await person.go("/api/forgot-password-otp", person.reset))[0]


async def sign_in_again(person: Traveller) -> int:
    """Go back to where the code was asked for."""
    person.cookies = person.pending
    return (await person.go("/api/login/verify", {"code": CODE, "method": "otp"}))[0]


@dataclass(frozen=True)
class KilledFlow:
    """`path` and `body` are the call that dies; `finish` hears whether it was answered all the same.

    `use_again` gives the status of using the code that was used once more.
    """

    name: str
    path: str
    body: Callable[[Traveller], dict[str, str]]
    finish: Callable[[Traveller, bool], Coroutine[Any, Any, None]]
    use_again: Callable[[Traveller], Coroutine[Any, Any, int]]
    prepare: Callable[[Traveller], Coroutine[Any, Any, None]] = nothing
    needs: Callable[[Sequence[Person]], None] | None = None


FLOWS = [
    KilledFlow("send", "/api/send-otp", lambda person: {"to": person.phone}, finish_sending, check_again),
    KilledFlow(
        "verify",
        "/api/verify-otp",
        lambda person: {"to": person.phone, "code": CODE},
        finish_verifying,
        check_again,
        prepare=send,
    ),
    KilledFlow(
        "register",
        "/api/register-with-otp",
        lambda person: person.registration,
        finish_registering,
        register_again,
        prepare=send_for_registration,
    ),
    KilledFlow(
        "forgot: ask",
        "/api/forgot-password-otp",
        lambda person: {"email": person.email, "phone": person.phone},
        finish_asking,
        reset_again,
        needs=make_members,
    ),
    KilledFlow(
        "forgot: finish",
        "/api/forgot-password-otp",
        lambda person: person.reset,
        finish_resetting,
        reset_again,
        prepare=ask_for_reset,
        needs=make_members,
    ),
    KilledFlow(
        "sign-in: password",
        "/api/login",
        lambda person: {"email": person.email, "password": PASSWORD},
        finish_first_step,
        sign_in_again,
        prepare=take_token,
        needs=make_members_with_phone_factor,
    ),
    KilledFlow(
        "sign-in: code",
        "/api/login/verify",
        lambda person: {"code": CODE, "method": "otp"},
        finish_second_step,
        sign_in_again,
        prepare=begin_sign_in,
        needs=make_members_with_phone_factor,
    ),
]
