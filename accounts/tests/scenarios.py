"""What can happen at sign-in, at a fresh proof and at a reset: each a generator of outcomes, for either face.

Each takes a way (`accounts.tests.parity`) and a person, and yields what came of each step.
"""

import time_machine
from django.utils import timezone

from accounts.models import FactorBudget, User
from accounts.tests.people import show_totp_code, sign_in, with_backup_codes, with_phone, with_totp, with_totp_device
from accounts.tests.steps import wrong
from otp.sandbox.control import change_state
from otp.sandbox.models import Message

NEW = "another-good-one"


def read_code(to):
    return Message.objects.filter(to=to).exclude(code="").latest("pk").code


def later(**delta):
    return time_machine.travel(timezone.now() + timezone.timedelta(**delta))


def plain(way, user):
    yield way.password(user.email)
    yield way.sign_out()


def wrong_password(way, user):
    yield way.password(user.email, "wrong")


def unknown_address(way, user):
    yield way.password(f"nobody.{user.email}")


def switched_off(way, user):
    User.objects.filter(pk=user.pk).update(is_active=False)
    yield way.password(user.email)


def too_many_passwords(way, user):
    for _ in range(3):
        yield way.password(user.email, "wrong")
    yield way.password(user.email)


def code_by_phone(way, user):
    with_phone(user)
    yield way.password(user.email)
    yield way.code(read_code(user.phone))
    yield way.switch(is_on=False)


def wrong_code_then_right(way, user):
    with_phone(user)
    yield way.password(user.email)
    yield way.code(wrong(read_code(user.phone)))
    yield way.code(read_code(user.phone))


def five_wrong_codes(way, user):
    with_phone(with_totp(user))
    yield way.password(user.email)
    for _ in range(5):
        yield way.code("000000", "totp")
    yield way.code(show_totp_code(user), "totp")
    yield way.password(user.email)


def codes_switched_off(way, user):
    with_totp(user)
    FactorBudget.objects.create(user=user, failures=100)
    yield way.password(user.email)


def used_twice(way, user):
    with_totp(user)
    codes = with_backup_codes(user)
    with time_machine.travel(timezone.now(), tick=False):
        for method, code in (("totp", show_totp_code(user)), ("backup_code", codes[0])):
            for _ in range(2):
                yield way.password(user.email)
                yield way.code(code, method)


def resend_too_soon(way, user):
    with_phone(user)
    yield way.password(user.email)
    yield way.send("sms")
    with later(seconds=31):
        yield way.send("call")
        yield way.code(read_code(user.phone))


def no_sign_in_pending(way, user):
    yield way.code("123456")
    yield way.send("sms")


def expired(way, user):
    with_phone(user)
    yield way.password(user.email)
    code = read_code(user.phone)
    with later(minutes=11):
        yield way.code(code)


def switched_off_in_the_middle(way, user):
    with_totp(user)
    yield way.password(user.email)
    User.objects.filter(pk=user.pk).update(is_active=False)
    yield way.code(show_totp_code(user), "totp")


def outage(way, user):
    with_phone(with_totp(user), preferred_channel="sms")
    change_state({"fault": "http_500"})
    yield way.password(user.email)
    yield way.send("sms")
    change_state({"fault": None})
    yield way.code(show_totp_code(user), "totp")


def outage_at_the_check(way, user):
    with_phone(user)
    yield way.password(user.email)
    code = read_code(user.phone)
    change_state({"fault": "http_500"})
    yield way.code(code)
    change_state({"fault": None})
    yield way.code(code)


def country_no_longer_allowed(way, user, settings):
    with_phone(with_totp(user), preferred_channel="sms")
    settings.OTP_ALLOWED_COUNTRIES = ["DE"]
    yield way.password(user.email)
    yield way.send("sms")
    yield way.code(show_totp_code(user), "totp")


def step_up(way, user):
    sign_in(way.client, user, device=with_totp_device(user), ago=1000)
    yield way.switch(is_on=False)
    yield way.prove("password", show_totp_code(user, step=-1), "totp")
    yield way.switch(is_on=False)  # a proof for another step is none
    yield way.prove("two_factor", "000000", "totp")
    yield way.prove("two_factor", show_totp_code(user), "totp")
    yield way.switch(is_on=False)
    yield way.switch(is_on=True)
    with later(seconds=301):
        yield way.switch(is_on=False)


def step_up_by_phone(way, user):
    sign_in(way.client, user)
    yield way.switch(is_on=True)
    yield way.ask("two_factor")
    yield way.ask("two_factor")  # too soon
    yield way.prove("two_factor", wrong(read_code(user.phone)))
    yield way.prove("two_factor", read_code(user.phone))
    yield way.switch(is_on=True)


def five_wrong_proofs(way, user):
    sign_in(way.client, user, device=with_totp_device(user))
    for _ in range(5):
        yield way.prove("two_factor", "000000", "totp")


def policy_forbids(way, user):
    sign_in(way.client, user, device=with_totp_device(user))
    User.objects.filter(pk=user.pk).update(two_factor_required=True)
    yield way.prove("two_factor", show_totp_code(user), "totp")
    yield way.switch(is_on=False)


def reset(way, user):
    yield way.begin_reset(user.email, user.phone)
    yield way.finish_reset(user.email, user.phone, wrong(read_code(user.phone)), NEW)
    yield way.finish_reset(user.email, user.phone, read_code(user.phone), NEW)


def reset_of_nobody(way, user):
    pair = (f"nobody.{user.email}", user.phone)
    yield way.begin_reset(*pair)
    for _ in range(6):
        yield way.finish_reset(*pair, "123456", NEW)


def reset_with_second_proof(way, user):
    with_phone(with_totp(user))
    pair = (user.email, user.phone)
    yield way.begin_reset(*pair)
    code = read_code(user.phone)
    yield way.finish_reset(*pair, code, NEW)
    yield way.prove_reset(*pair, code, NEW, "email", wrong(read_code(user.email)))
    yield way.prove_reset(*pair, code, NEW, "totp", "000000")
    yield way.prove_reset(*pair, code, NEW, "totp", show_totp_code(user))


SCENARIOS = [
    plain,
    wrong_password,
    unknown_address,
    switched_off,
    too_many_passwords,
    code_by_phone,
    wrong_code_then_right,
    five_wrong_codes,
    codes_switched_off,
    used_twice,
    resend_too_soon,
    no_sign_in_pending,
    expired,
    switched_off_in_the_middle,
    outage,
    outage_at_the_check,
    country_no_longer_allowed,
    step_up,
    step_up_by_phone,
    five_wrong_proofs,
    policy_forbids,
    reset,
    reset_of_nobody,
    reset_with_second_proof,
]
