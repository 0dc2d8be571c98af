"""What the OpenAPI document says of the calls of passkeys."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from accounts.api.passkeys_serializers import NewPasskeySerializer, PasskeyNameSerializer, PasskeySerializer
from accounts.api.schema import CSRF_HEADER, TAGS, _errors, _example
from otp.api.serializers import ErrorSerializer

ID = OpenApiParameter("id", int, OpenApiParameter.PATH, description="Of the passkey.")
PHONE = {
    "id": 3,
    "name": "My phone",
    "created_at": "2026-11-26T10:00:00Z",
    "last_used_at": None,
    "synced": True,
}
TO_SIGN = {
    "challenge": "9rQ0bVJXhY2nTg7mGk1uZcEwLx5oPaSdFqHiCvRjB3s",
    "timeout": 300000,
    "rpId": "smartfin.example",
    "allowCredentials": [{"id": "zXJ0tYcGmRbZ1lqvE7nKpA", "type": "public-key", "transports": ["internal"]}],
    "userVerification": "required",
}
TO_MAKE = {
    "rp": {"name": "SmartFin", "id": "smartfin.example"},
    "user": {"id": "QmFzZTY0dXJsIG9mIDY0IGJ5dGVz", "name": "ann@example.com", "displayName": "ann@example.com"},
    "challenge": "9rQ0bVJXhY2nTg7mGk1uZcEwLx5oPaSdFqHiCvRjB3s",
    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
    "timeout": 300000,
    "excludeCredentials": [],
    "authenticatorSelection": {
        "residentKey": "preferred",
        "requireResidentKey": False,
        "userVerification": "required",
    },
    "attestation": "none",
}
ANSWER = {
    "id": "zXJ0tYcGmRbZ1lqvE7nKpA",
    "rawId": "zXJ0tYcGmRbZ1lqvE7nKpA",
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoi…", "attestationObject": "o2NmbXRkbm9uZ…", "transports": ["internal"]},
    "clientExtensionResults": {},
}
NOT_FOUND = {404: OpenApiResponse(ErrorSerializer, description="`not_found`: the person has no such passkey.")}
TO_GET = OpenApiResponse(OpenApiTypes.OBJECT, description="`PublicKeyCredentialRequestOptionsJSON`.")
TO_CREATE = OpenApiResponse(OpenApiTypes.OBJECT, description="`PublicKeyCredentialCreationOptionsJSON`.")


login_passkey_options = extend_schema(
    operation_id="login_passkey_options",
    summary="Ask for a passkey to sign in",
    tags=TAGS,
    description="While a sign-in is pending. Give the answer to `navigator.credentials.get()`, and what that gives to "
    "`POST /api/login/verify` with `method` `passkey`, within five minutes. The newest challenge counts, once.",
    parameters=[CSRF_HEADER],
    request=None,
    responses={200: TO_GET, **_errors(400, 403)},
    examples=[_example("To sign", 200, TO_SIGN)],
)

step_up_passkey_options = extend_schema(
    operation_id="step_up_passkey_options",
    summary="Ask for a passkey as a fresh proof",
    tags=TAGS,
    description="As at sign-in; what the browser gives goes to `POST /api/step-up/verify` with the same `step`.",
    parameters=[CSRF_HEADER],
    responses={200: TO_GET, **_errors(400, 403, 413, 415)},
    examples=[_example("To sign", 200, TO_SIGN)],
)

passkey_options = extend_schema(
    operation_id="passkey_options",
    summary="Ask the browser for a new passkey",
    tags=TAGS,
    description="Needs a fresh proof for the step `factors`. Give the answer to `navigator.credentials.create()`, and "
    "what that gives to `POST /api/me/passkeys`, within five minutes.",
    parameters=[CSRF_HEADER],
    request=None,
    responses={200: TO_CREATE, **_errors(403, 409)},
    examples=[_example("To make", 200, TO_MAKE)],
)

passkeys = extend_schema(
    operation_id="passkeys",
    summary="See your passkeys",
    tags=TAGS,
    responses={200: PasskeySerializer(many=True), **_errors(403)},
    examples=[_example("One", 200, PHONE)],
)

passkey_add = extend_schema(
    operation_id="passkey_add",
    summary="Set a passkey up",
    tags=TAGS,
    description="Needs a fresh proof for the step `factors`. The first factor turns the second factor on. The person "
    "is told by mail.",
    parameters=[CSRF_HEADER],
    request=NewPasskeySerializer,
    responses={201: PasskeySerializer, **_errors(400, 403, 409, 413, 415)},
    examples=[
        OpenApiExample("My phone", value={"name": "My phone", "credential": ANSWER}, request_only=True),
        _example("It is set up", 201, PHONE),
    ],
)

passkey_rename = extend_schema(
    operation_id="passkey_rename",
    summary="Call a passkey something else",
    tags=TAGS,
    parameters=[CSRF_HEADER, ID],
    request=PasskeyNameSerializer,
    responses={200: PasskeySerializer, **_errors(400, 403, 413, 415), **NOT_FOUND},
    examples=[OpenApiExample("Another name", value={"name": "Blue key"}, request_only=True)],
)

passkey_remove = extend_schema(
    operation_id="passkey_remove",
    summary="Remove a passkey",
    tags=TAGS,
    description="Needs a fresh proof for the step `factors`. Refused (409) for the last factor while the second factor "
    "is on or required. The person is told by mail.",
    parameters=[CSRF_HEADER, ID],
    responses={204: OpenApiResponse(description="It is gone."), **_errors(403, 409), **NOT_FOUND},
)
