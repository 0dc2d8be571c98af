"""The four public calls. Each reads a shape, makes one call into the domain, and writes a shape."""

from functools import cache
from http import HTTPStatus
from typing import Any

from django.utils.translation import get_language
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from otp import services, tokens
from otp.api import schema
from otp.api.serializers import (
    RegisteredSerializer,
    RegisterSerializer,
    ResetFinishedSerializer,
    ResetFinishSerializer,
    ResetStartedSerializer,
    ResetStartSerializer,
    SendOtpSerializer,
    SentSerializer,
    VerifiedSerializer,
    VerifyOtpSerializer,
)
from otp.client import Client
from otp.flows import password_reset, registration
from otp.models import Verification


def get_shape(serializer_class: Any) -> Any:
    """Give the instance that reads and writes for all requests in this language; neither leaves anything in it.

    Making one copies each of its fields, which was a tenth of what a send cost. One for each language, because a field
    keeps the sentence about its length as it was first said.
    """
    return _make_shape(serializer_class, get_language())


@cache
def _make_shape(serializer_class: Any, language: str | None) -> Any:
    return serializer_class()


def write(serializer_class: Any, values: Any, status: int = HTTPStatus.OK) -> Response:
    """Answer with what a serializer makes of a row, or of a dictionary, in this request's language."""
    return Response(get_shape(serializer_class).to_representation(values), status=status)


class PublicViewSet(GenericViewSet[Verification]):
    """Open to everybody, and blind to cookies: a browser's session gives such a call no more power than curl has."""

    authentication_classes = []
    permission_classes = [AllowAny]
    queryset = Verification.objects.none()

    def get_view_name(self) -> str:
        return (type(self).__doc__ or "").partition(":")[0].rstrip(".")

    def read(self, request: Request, serializer_class: Any = None) -> dict[str, Any]:
        wanted: Any = serializer_class or self.serializer_class
        values: dict[str, Any] = get_shape(wanted).run_validation(request.data)
        return values

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class SendOtpViewSet(PublicViewSet):
    """Send a one-time code."""

    serializer_class = SendOtpSerializer

    @schema.send_otp
    def create(self, request: Request) -> Response:
        verification = services.send_otp(**self.read(request), client=Client.from_request(request))
        return write(SentSerializer, verification, HTTPStatus.CREATED)


class VerifyOtpViewSet(PublicViewSet):
    """Check a one-time code."""

    serializer_class = VerifyOtpSerializer
    error_extra = {"valid": False}

    @schema.verify_otp
    def create(self, request: Request) -> Response:
        verification = services.verify_otp(**self.read(request), client=Client.from_request(request))
        answer = {"valid": True, "status": verification.status, "verification_token": tokens.make_token(verification)}
        return write(VerifiedSerializer, answer)


class RegisterWithOtpViewSet(PublicViewSet):
    """Register with a proven phone number."""

    serializer_class = RegisterSerializer

    @schema.register_with_otp
    def create(self, request: Request) -> Response:
        user = registration.register(**self.read(request), client=Client.from_request(request))
        return write(RegisteredSerializer, {"user": user}, HTTPStatus.CREATED)


class ForgotPasswordOtpViewSet(PublicViewSet):
    """Reset a password with a code: ask for it with `email` and `phone`, then send it with `new_password`."""

    serializer_class = ResetFinishSerializer

    @schema.forgot_password_otp
    def create(self, request: Request) -> Response:
        client = Client.from_request(request)
        if {"otp_code", "verification_token", "new_password"}.intersection(request.data):
            password_reset.finish(**self.read(request), client=client)
            return write(ResetFinishedSerializer, {"status": "password_changed"})
        verification = password_reset.start(**self.read(request, ResetStartSerializer), client=client)
        return write(ResetStartedSerializer, verification, HTTPStatus.ACCEPTED)
