"""What the OpenAPI document says of the calls of payments."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema

from accounts.api.approvals_serializers import ApprovalSerializer, ApprovedSerializer
from accounts.api.passkeys_schema import TO_GET, TO_SIGN
from accounts.api.schema import CSRF_HEADER
from otp.api.serializers import ErrorSerializer

TAGS = ["Payments"]
APPROVAL = {
    "id": "1f6b9a5e-6a55-4f0e-9a0e-0e2b7a3f6c11",
    "status": "pending",
    "amount": "120.00",
    "currency": "EUR",
    "payee": "Alice GmbH",
    "reference": "Invoice 2026-117",
    "to": "+1 ••• ••• 0123",
    "channel": "sms",
    "methods": ["otp"],
    "expires_in": 300,
    "resend_in": 30,
    "attempts_left": 5,
}
SENTENCES = {
    400: "`invalid_request`, with `fields`; `channel_unavailable`; `incorrect_code`, with `attempts_left`; "
    "`code_expired`: it can be confirmed no more.",
    403: "`not_authenticated`; `step_up_required`: prove the session first; `second_proof_required`: the phone number "
    "is too new to confirm alone; `country_not_allowed`, `destination_blocked`.",
    404: "`not_found`: no such payment, or it is not yours.",
    409: "`conflict`: another one was opened at the same moment.",
    413: "`invalid_request`: larger than 1 MiB.",
    415: "`unsupported_media_type`: not `application/json`.",
    429: "`too_many_requests` or `too_many_attempts`: wait `retry_after` seconds.",
    503: "`provider_unavailable` or `not_configured`: nothing was accepted.",
}


def _errors(*statuses: int) -> dict[int, OpenApiResponse]:
    return {status: OpenApiResponse(ErrorSerializer, description=SENTENCES[status]) for status in statuses}


def _example(name: str, status: int, body: dict[str, Any]) -> OpenApiExample:
    return OpenApiExample(name, value=body, response_only=True, status_codes=[str(status)])


create = extend_schema(
    operation_id="approval_create",
    summary="Open a payment to confirm",
    tags=TAGS,
    description="Sends a code made for exactly this amount and payee; the message names both. Nothing of it can be "
    "changed: another amount or payee is another payment, and opening one voids the one that is open.",
    parameters=[CSRF_HEADER],
    responses={201: ApprovalSerializer, **_errors(400, 403, 409, 413, 415, 429, 503)},
    examples=[
        OpenApiExample(
            "Pay 120 euros",
            value={"amount": "120.00", "currency": "EUR", "payee": "Alice GmbH", "reference": "Invoice 2026-117"},
            request_only=True,
        ),
        _example("Waiting for the code", 201, APPROVAL),
    ],
)

retrieve = extend_schema(
    operation_id="approval",
    summary="See a payment to confirm",
    tags=TAGS,
    description="Your own alone. Asking does not count as using the session.",
    responses={200: ApprovalSerializer, **_errors(403, 404)},
    examples=[_example("Waiting for the code", 200, APPROVAL)],
)

send = extend_schema(
    operation_id="approval_send",
    summary="Send the payment's code again",
    tags=TAGS,
    description="By text message alone. Prolongs nothing, and gives no new tries.",
    parameters=[CSRF_HEADER],
    responses={200: ApprovalSerializer, **_errors(400, 403, 404, 413, 415, 429, 503)},
    examples=[_example("On its way", 200, {**APPROVAL, "expires_in": 250, "resend_in": 40})],
)

confirm = extend_schema(
    operation_id="approval_confirm",
    summary="Confirm a payment",
    tags=TAGS,
    description="Takes the code and nothing else: amount and payee are what the payment was opened with. The fifth "
    "wrong code voids the payment. The token is for the code that moves the money: once, for exactly these values.",
    parameters=[CSRF_HEADER],
    responses={200: ApprovedSerializer, **_errors(400, 403, 404, 413, 415, 429, 503)},
    examples=[
        OpenApiExample("Code from the phone", value={"code": "123456"}, request_only=True),
        OpenApiExample("Code of the app", value={"code": "123456", "method": "totp"}, request_only=True),
        _example("Confirmed", 200, {"status": "approved", "approval_token": "WyIxZjZiOWE1ZS02YTU1…:1xVDB1:Pde1V9wI…"}),
        _example(
            "Wrong",
            400,
            {
                "error": "The payment could not be confirmed with that. Check it and try again.",
                "code": "incorrect_code",
                "attempts_left": 4,
            },
        ),
    ],
)

passkey_options = extend_schema(
    operation_id="approval_passkey_options",
    summary="Ask for a passkey that signs the payment",
    tags=TAGS,
    description="As at sign-in; the challenge is a keyed digest of the payment. What the browser gives goes to "
    "`confirm` as `credential`, with the method `passkey`.",
    parameters=[CSRF_HEADER],
    responses={200: TO_GET, **_errors(400, 403, 404, 413, 415, 429)},
    examples=[_example("To sign", 200, TO_SIGN)],
)

cancel = extend_schema(
    operation_id="approval_cancel",
    summary="Cancel a payment",
    tags=TAGS,
    description="Whether it was confirmed or not, as long as it was not made.",
    parameters=[CSRF_HEADER],
    request=None,
    responses={200: ApprovalSerializer, **_errors(400, 403, 404)},
    examples=[
        _example("Canceled", 200, {**APPROVAL, "status": "canceled", "methods": [], "expires_in": 0}),
    ],
)
