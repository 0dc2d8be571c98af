"""What the OpenAPI document says of each call, with examples that are run by the tests."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer, extend_schema

from otp.api import serializers

ERROR = serializers.ErrorSerializer


def _errors(*, also: dict[int, str], serializer: Any = ERROR) -> dict[int, Any]:
    sentences = {
        400: "`invalid_request`: the body cannot be read, or `fields` says what is wrong.",
        413: "`invalid_request`: larger than 1 MiB.",
        415: "`unsupported_media_type`: not `application/json`.",
        429: "`too_many_requests`: wait `retry_after` seconds.",
        503: "`provider_unavailable` or `not_configured`: nothing was accepted; try again after `retry_after` seconds.",
        **also,
    }
    return {
        status: OpenApiResponse(serializer if status in also or status in {429, 503} else ERROR, description=sentence)
        for status, sentence in sorted(sentences.items())
    }


def _refusal(name: str, status: int, body: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=body, response_only=True, status_codes=[str(status)])


TAGS = ["One-time codes"]


def drop_trailing_slashes(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Document each address as it is meant to be written; one with a slash at its end works too."""
    return [(path.rstrip("/"), *rest) for path, *rest in endpoints]


send_otp = extend_schema(
    operation_id="send_otp",
    summary="Send a code",
    tags=TAGS,
    description="Sends a code by text message, WhatsApp, call or e-mail. Sending again before `resend_in` is refused "
    "with 429 and the code that is out stays good; waits grow: 30, 40, 60, 90, 120 seconds.",
    responses={
        201: serializers.SentSerializer,
        **_errors(
            also={
                400: "`invalid_request`, `invalid_destination`, `channel_unavailable` or `purpose_required`.",
                403: "`country_not_allowed` or `destination_blocked`.",
                409: "`conflict`: another code to this number was asked for at the same moment.",
                429: "`too_many_requests` or `too_many_attempts`: wait `retry_after` seconds.",
            }
        ),
    },
    examples=[
        OpenApiExample("By text message", value={"to": "+12025550123", "channel": "sms"}, request_only=True),
        OpenApiExample(
            "By e-mail, for registration", value={"to": "ann@example.com", "purpose": "registration"}, request_only=True
        ),
        OpenApiExample(
            "Sent",
            value={
                "status": "pending",
                "to": "+1 ••• ••• 0123",
                "channel": "sms",
                "verification_id": "0c5d7d3a-3b68-4c47-9f1b-6a1f0f0b5c11",
                "expires_in": 600,
                "resend_in": 30,
                "attempts_left": 5,
            },
            response_only=True,
            status_codes=["201"],
        ),
        _refusal(
            "Too soon",
            429,
            {
                "error": "Too many requests. Wait a little, then try again.",
                "code": "too_many_requests",
                "retry_after": 28,
            },
        ),
    ],
)

verify_otp = extend_schema(
    operation_id="verify_otp",
    summary="Check a code",
    tags=TAGS,
    description="Proves a code once. The token carries the proof to a later call; it serves the purpose that the code "
    "was asked for, once, within ten minutes.",
    responses={
        200: serializers.VerifiedSerializer,
        **_errors(
            also={
                400: "`invalid_request`, `invalid_destination`, `incorrect_code` or `code_expired`.",
                404: "`not_found`: no such verification, or it is not yours.",
                429: "`too_many_attempts` or `too_many_requests`: wait `retry_after` seconds.",
            },
            serializer=serializers.VerifyErrorSerializer,
        ),
    },
    examples=[
        OpenApiExample("With the number", value={"to": "+12025550123", "code": "123456"}, request_only=True),
        OpenApiExample(
            "With the id",
            value={"verification_id": "0c5d7d3a-3b68-4c47-9f1b-6a1f0f0b5c11", "code": "123456"},
            request_only=True,
        ),
        _refusal(
            "Wrong code",
            400,
            {
                "valid": False,
                "error": "That code isn’t right. Check it and try again.",
                "code": "incorrect_code",
                "attempts_left": 4,
            },
        ),
    ],
)

register_with_otp = extend_schema(
    operation_id="register_with_otp",
    summary="Register with a code",
    tags=TAGS,
    description="Makes an account for a phone number that the code, or the token of one, proves. What can be refused "
    "without the code is refused before the code is used up.",
    responses={
        201: serializers.RegisteredSerializer,
        **_errors(
            also={
                400: "`invalid_request`, `invalid_destination`, `weak_password`, `incorrect_code` or `code_expired`.",
                409: "`email_taken` or `phone_taken`, with a `verification_token` for another try.",
                429: "`too_many_attempts` or `too_many_requests`: wait `retry_after` seconds.",
            }
        ),
    },
    examples=[
        OpenApiExample(
            "With the code",
            value={
                "email": "user@example.com",
                "password": "securepass123",
                "phone": "+12025550123",
                "otp_code": "123456",
            },
            request_only=True,
        ),
    ],
)

forgot_password_otp = extend_schema(
    operation_id="forgot_password_otp",
    summary="Reset a password with a code",
    tags=TAGS,
    description="First `email` and `phone`: the answer is the same for everybody, and a code goes out only where the "
    "two belong to one account. Then the same with `otp_code` (or `verification_token`) and `new_password`. Never "
    "signs in; ends every session and open code of the person.",
    request=PolymorphicProxySerializer(
        component_name="ForgotPassword",
        serializers=[serializers.ResetStartSerializer, serializers.ResetFinishSerializer],
        resource_type_field_name=None,
    ),
    responses={
        200: serializers.ResetFinishedSerializer,
        202: serializers.ResetStartedSerializer,
        **_errors(
            also={
                400: "`invalid_request`, `invalid_destination`, `channel_unavailable`, `weak_password`, "
                "`incorrect_code` or `code_expired`.",
                403: "`country_not_allowed` or `destination_blocked`.",
                429: "`too_many_attempts` or `too_many_requests`: wait `retry_after` seconds.",
            }
        ),
    },
    examples=[
        OpenApiExample(
            "Ask for the code", value={"email": "user@example.com", "phone": "+12025550123"}, request_only=True
        ),
        OpenApiExample(
            "Set the new password",
            value={
                "email": "user@example.com",
                "phone": "+12025550123",
                "otp_code": "123456",
                "new_password": "another-good-one",
            },
            request_only=True,
        ),
    ],
)
