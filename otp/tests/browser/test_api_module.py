"""`/static/otp/api.js`: its functions, called from a page as a front end calls them."""

from functools import partial
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from playwright.sync_api import Page

from otp.models import Verification

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NUMBER = "+12025550123"
EMAIL = "ann@example.com"
PASSWORD = "kettle-harbor-42"
CALL = """
async ([name, args]) => {
  const module = await import("/static/otp/api.js");
  try {
    return { answer: await module[name](...args) };
  } catch (error) {
    const { message, code, status, retryAfter, attemptsLeft, fields, verificationToken } = error;
    const isError = error instanceof Error && error instanceof module.ApiError;
    return { isError, message, code, status, retryAfter, attemptsLeft, fields, verificationToken };
  }
}
"""


@pytest.fixture
def call(page: Page) -> Any:
    """Call a function of the module: `call("sendOTP", NUMBER)["answer"]`, or what its error holds."""
    page.goto("/")
    return partial(_call, page)


def _call(page: Page, name: str, *args: Any) -> dict[str, Any]:
    outcome = page.evaluate(CALL, [name, list(args)])
    # What is undefined there arrives as None here.
    return {key: value for key, value in outcome.items() if value is not None}


def get_wrong_code(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


class TestSendOTP:
    def test_gives_the_answer(self, call, inbox):
        answer = call("sendOTP", NUMBER)["answer"]

        assert answer == {
            "status": "pending",
            "to": "+1 ••• ••• 0123",
            "channel": "sms",
            "verification_id": str(Verification.objects.get().pk),
            "expires_in": 600,
            "resend_in": 30,
            "attempts_left": 5,
        }
        assert inbox(NUMBER)[0]["channel"] == "sms"

    def test_takes_a_channel(self, call, inbox):
        call("sendOTP", NUMBER, "call")

        assert inbox(NUMBER)[0]["channel"] == "call"

    def test_writes_to_an_address(self, call, inbox):
        assert call("sendOTP", EMAIL)["answer"]["channel"] == "email"

    def test_takes_a_purpose(self, call):
        call("sendOTP", NUMBER, "sms", {"purpose": "registration"})

        assert Verification.objects.get().purpose == "registration"

    def test_too_soon(self, call):
        call("sendOTP", NUMBER)

        error = call("sendOTP", NUMBER)

        assert 25 <= error.pop("retryAfter") <= 30
        assert error == {
            "isError": True,
            "message": "Too many requests. Wait a little, then try again.",
            "code": "too_many_requests",
            "status": 429,
        }

    def test_wrong_shape(self, call):
        error = call("sendOTP", NUMBER, "pigeon")

        assert (error["code"], error["status"], list(error["fields"])) == ("invalid_request", 400, ["channel"])

    def test_sends_no_cookies(self, call, page, live_server):
        page.context.add_cookies([{"name": "sessionid", "value": "secret", "url": live_server.url}])
        with page.expect_request("**/api/send-otp") as request:
            call("sendOTP", NUMBER)

        assert "cookie" not in request.value.all_headers()


class TestVerifyOTP:
    def test_by_destination(self, call, inbox):
        call("sendOTP", NUMBER)

        answer = call("verifyOTP", NUMBER, inbox(NUMBER)[0]["code"])["answer"]

        assert answer["valid"] is True
        assert answer["status"] == "approved"
        assert answer["verification_token"]

    def test_by_id(self, call, inbox):
        sent = call("sendOTP", NUMBER)["answer"]

        answer = call("verifyOTP", {"verificationId": sent["verification_id"]}, inbox(NUMBER)[0]["code"])["answer"]

        assert answer["valid"] is True

    def test_wrong_code(self, call, inbox):
        call("sendOTP", NUMBER)

        error = call("verifyOTP", NUMBER, get_wrong_code(inbox(NUMBER)[0]["code"]))

        assert error == {
            "isError": True,
            "message": "That code isn’t right. Check it and try again.",
            "code": "incorrect_code",
            "status": 400,
            "attemptsLeft": 4,
        }

    def test_no_code_out(self, call):
        assert call("verifyOTP", NUMBER, "123456")["code"] == "code_expired"


class TestRegisterWithOTP:
    def test_makes_an_account(self, call, inbox):
        call("sendOTP", NUMBER)

        answer = call("registerWithOTP", EMAIL, PASSWORD, NUMBER, inbox(NUMBER)[0]["code"])["answer"]

        user = get_user_model().objects.get()
        assert answer["user"] == {
            "id": user.pk,
            "email": EMAIL,
            "phone": NUMBER,
            "phone_verified": True,
            "two_factor_enabled": False,
        }

    def test_weak_password_does_not_cost_the_code(self, call, inbox):
        call("sendOTP", NUMBER)
        code = inbox(NUMBER)[0]["code"]

        error = call("registerWithOTP", EMAIL, "12345", NUMBER, code)

        assert (error["code"], error["status"]) == ("weak_password", 400)
        assert error["fields"]["password"]
        assert call("registerWithOTP", EMAIL, PASSWORD, NUMBER, code)["answer"]

    def test_taken_address_gives_a_token_for_another_try(self, call, inbox):
        get_user_model().objects.create_user(EMAIL, PASSWORD)
        call("sendOTP", NUMBER)

        error = call("registerWithOTP", EMAIL, PASSWORD, NUMBER, inbox(NUMBER)[0]["code"])

        assert (error["code"], error["status"]) == ("email_taken", 409)
        token = {"verificationToken": error["verificationToken"]}
        assert call("registerWithOTP", "bob@example.com", PASSWORD, NUMBER, token)["answer"]["user"]["phone"] == NUMBER


class TestForgotPasswordOTP:
    def test_asks_then_sets(self, call, inbox):
        call("sendOTP", NUMBER)
        call("registerWithOTP", EMAIL, PASSWORD, NUMBER, inbox(NUMBER)[0]["code"])

        asked = call("forgotPasswordOTP", EMAIL, NUMBER)["answer"]
        done = call("forgotPasswordOTP", EMAIL, NUMBER, inbox(NUMBER)[0]["code"], "lantern-orchard-7")["answer"]

        assert asked == {
            "status": "pending",
            "to": "+1 ••• ••• 0123",
            "channel": "sms",
            "expires_in": 600,
            "resend_in": 30,
        }
        assert done == {"status": "password_changed"}
        assert get_user_model().objects.get().check_password("lantern-orchard-7")

    def test_wrong_code(self, call):
        call("forgotPasswordOTP", EMAIL, NUMBER)

        error = call("forgotPasswordOTP", EMAIL, NUMBER, "123456", "lantern-orchard-7")

        assert (error["code"], error["status"], error["attemptsLeft"]) == ("incorrect_code", 400, 4)


class TestNoAnswer:
    def test_no_connection(self, call, page):
        page.route("**/api/send-otp", lambda route: route.abort())

        assert call("sendOTP", NUMBER) == {
            "isError": True,
            "message": "The service can’t be reached. Check your connection and try again.",
            "code": "network_error",
            "status": 0,
        }

    @pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", "", "null", "[1", '{"detail": "?"}'])
    def test_answer_of_something_else(self, call, page, body):
        page.route("**/api/send-otp", lambda route: route.fulfill(status=502, headers={"Retry-After": "7"}, body=body))

        assert call("sendOTP", NUMBER) == {
            "isError": True,
            "message": "The service gave an answer that can’t be read. Try again in a moment.",
            "code": "network_error",
            "status": 502,
            "retryAfter": 7,
        }

    def test_no_answer_in_time(self, call, page):
        page.route("**/api/send-otp", lambda route: None)
        call("configure", {"timeout": 200})

        assert (call("sendOTP", NUMBER)["code"], call("sendOTP", NUMBER)["status"]) == ("network_error", 0)


class TestModule:
    def test_has_an_object_with_the_functions(self, call, page):
        names = page.evaluate("import('/static/otp/api.js').then((module) => Object.keys(module.default).sort())")

        assert names == ["configure", "forgotPasswordOTP", "registerWithOTP", "sendOTP", "verifyOTP"]

    def test_defines_the_element(self, new_page):
        page = new_page()
        page.goto("/sandbox/")
        assert page.evaluate("customElements.get('phone-verification') === undefined")

        page.evaluate("import('/static/otp/api.js')")

        assert page.evaluate("customElements.get('phone-verification') !== undefined")
