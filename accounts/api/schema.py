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
SENTENCES = {
    400: "`invalid_request`: the body cannot be read, or `fields` says what is wrong.",
    403: "`not_authenticated`.",
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
    "an account, a wrong password and an account that is switched off get the same answer.",
    parameters=[CSRF_HEADER],
    responses={200: serializers.LoginDoneSerializer, **_errors(400, 403, 413, 415, 429, 503)},
    examples=[
        OpenApiExample("Sign in", value={"email": "ann@example.com", "password": "securepass123"}, request_only=True),
        _example("Signed in", 200, {"status": "authenticated"}),
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
