"""What the OpenAPI document says of the session calls."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from accounts.api import serializers
from otp.api.serializers import ErrorSerializer

TAGS = ["Session"]
CSRF_HEADER = OpenApiParameter(
    "X-CSRFToken", str, OpenApiParameter.HEADER, description="`csrf_token` of `GET /api/session`; 403 without it."
)
ANN = {
    "id": 2,
    "email": "ann@example.com",
    "phone": "+1 ••• ••• 0123",
    "phone_verified": True,
    "two_factor_enabled": False,
}
WAITING = {"methods": ["otp", "backup_code"], "channel": "sms", "to": "+1 ••• ••• 0123", "resend_in": 30}
SENTENCES = {
    400: "`invalid_request`: the body cannot be read, or `fields` says what is wrong.",
    403: "`not_authenticated`; `step_up_required` where a fresh proof is needed: `methods` says by what.",
    409: "`conflict`: policy does not allow it.",
    413: "`invalid_request`: larger than 1 MiB.",
    415: "`unsupported_media_type`: not `application/json`.",
    429: "`too_many_requests`: wait `retry_after` seconds.",
    503: "`provider_unavailable`: failures cannot be counted; try again after `retry_after` seconds.",
}


class StrictSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.StrictSessionAuthentication"
    name = "cookieAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        from django.conf import settings

        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}


def _errors(*statuses: int) -> dict[int, OpenApiResponse]:
    return {status: OpenApiResponse(ErrorSerializer, description=SENTENCES[status]) for status in statuses}


def _example(name: str, status: int, body: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=body, response_only=True, status_codes=[str(status)])


session = extend_schema(
    operation_id="session",
    summary="See who is signed in",
    tags=TAGS,
    description="For everybody. Sets the CSRF cookie, and gives the token that goes with it.",
    responses={200: serializers.SessionSerializer},
    examples=[
        _example(
            "Signed in",
            200,
            {
                "authenticated": True,
                "user": ANN,
                "csrf_token": "wXJ0tYcGmRbZ1lqvE7nKpF3sD9aHuVxT4oLi8gQzN2jS6kBdMyUeCrPf5hWA0tOI",
                "second_factor": {"required": False, "methods": [], "to": None},
            },
        )
    ],
)

login = extend_schema(
    operation_id="login",
    summary="Sign in",
    tags=TAGS,
    description="Starts a new session; nothing of an earlier one survives, its CSRF token included. An address without "
    "an account, a wrong password and an account that is switched off get the same answer. Where a second factor is "
    "asked for, the sign-in is pending for ten minutes and opens nothing; a code goes to the phone if that comes first "
    "among `methods`. If it could not be sent, `problem` says why.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.LoginDoneSerializer, **_errors(400, 403, 413, 415, 429, 503)},
    examples=[
        OpenApiExample("Sign in", value={"email": "ann@example.com", "password": "securepass123"}, request_only=True),
        _example("Signed in", 200, {"status": "authenticated"}),
        _example("Code needed", 200, {"status": "second_factor_required", **WAITING}),
        _example(
            "Refused",
            403,
            {"error": "E-mail or password isn’t right. Check both and try again.", "code": "not_authenticated"},
        ),
    ],
)

logout = extend_schema(
    operation_id="logout",
    summary="Sign out",
    tags=TAGS,
    description="Ends the session. Does no harm where there is none.",
    parameters=[CSRF_HEADER],
    request=None,
    responses={200: serializers.LogoutDoneSerializer, **_errors(403)},
    examples=[_example("Signed out", 200, {"status": "signed_out"})],
)

me = extend_schema(
    operation_id="me",
    summary="See yourself",
    tags=TAGS,
    responses={200: serializers.PersonSerializer, **_errors(403)},
    examples=[
        _example("Ann", 200, ANN),
        _example("Not signed in", 403, {"error": "Sign in first.", "code": "not_authenticated"}),
    ],
)

login_send = extend_schema(
    operation_id="login_send",
    summary="Send the sign-in's code",
    tags=TAGS,
    description="The first time, again, or by another channel. Waits grow as with `send-otp`.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.WaitingSerializer, **_errors(400, 403, 413, 415, 429, 503)},
    examples=[
        OpenApiExample("By phone call", value={"channel": "call"}, request_only=True),
        _example("On its way", 200, WAITING),
    ],
)

login_verify = extend_schema(
    operation_id="login_verify",
    summary="Finish signing in",
    tags=TAGS,
    description="Five wrong codes in a row, over all methods, block them for a while and end the pending sign-in: then "
    "the password is asked for again. The session and its CSRF token are new.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.LoginDoneSerializer, **_errors(400, 403, 413, 415, 429, 503)},
    examples=[
        OpenApiExample("Code from the phone", value={"code": "123456"}, request_only=True),
        OpenApiExample("Backup code", value={"code": "ABCD-EFGH-JKLMN", "method": "backup_code"}, request_only=True),
        _example("Signed in", 200, {"status": "authenticated"}),
        _example(
            "Wrong",
            400,
            {"error": "That code isn’t right. Check it and try again.", "code": "incorrect_code", "attempts_left": 4},
        ),
    ],
)

two_factor = extend_schema(
    operation_id="two_factor",
    summary="Turn the second factor on or off",
    tags=TAGS,
    description="Each needs a fresh proof (`step-up`). On, for whoever has set nothing else up, makes the phone that "
    "was just proven the second factor.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.PersonSerializer, **_errors(400, 403, 409, 413, 415)},
    examples=[
        OpenApiExample("On", value={"enabled": True}, request_only=True),
        _example("It is on", 200, {**ANN, "two_factor_enabled": True}),
        _example(
            "Not without a proof",
            403,
            {"error": "Confirm that it is you first.", "code": "step_up_required", "methods": ["otp"]},
        ),
    ],
)

step_up_send = extend_schema(
    operation_id="step_up_send",
    summary="Send a code for a fresh proof",
    tags=TAGS,
    description="To the phone of the person who is signed in.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.WaitingSerializer, **_errors(400, 403, 413, 415, 429, 503)},
    examples=[_example("On its way", 200, {"channel": "sms", "to": "+1 ••• ••• 0123", "resend_in": 30})],
)

step_up_verify = extend_schema(
    operation_id="step_up_verify",
    summary="Prove that it is you",
    tags=TAGS,
    description="Good for five minutes, in this session, for this `step` alone. The session gets a new key and keeps "
    "its CSRF token. Five wrong codes in a row end the session.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.ProvenSerializer, **_errors(400, 403, 413, 415, 429, 503)},
    examples=[
        OpenApiExample("Code from the phone", value={"code": "123456"}, request_only=True),
        _example("Proven", 200, {"status": "proven", "expires_in": 300}),
    ],
)
