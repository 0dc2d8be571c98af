"""The calls of passkeys. What the browser gives back goes to `login/verify`, for a fresh proof to `step-up/verify`."""

from typing import Any, cast

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import passkeys_schema as schema
from accounts.api.passkeys_serializers import (
    NewPasskeySerializer,
    NoFieldsSerializer,
    PasskeyNameSerializer,
    PasskeySerializer,
    StepSerializer,
)
from accounts.api.permissions import FreshProof
from accounts.api.viewsets import SessionCallViewSet
from accounts.assurance import Step
from accounts.factors.methods import Method
from accounts.flows import factors, passkeys
from accounts.models import User


class LoginPasskeyViewSet(SessionCallViewSet):
    """Ask for a passkey to sign in."""

    permission_classes = [AllowAny]
    serializer_class = NoFieldsSerializer

    @schema.login_passkey_options
    def create(self, request: Request) -> Response:
        return Response(passkeys.begin_sign_in(request))


class StepUpPasskeyViewSet(SessionCallViewSet):
    """Ask for a passkey that proves the person for one step."""

    serializer_class = StepSerializer

    @schema.step_up_passkey_options
    def create(self, request: Request) -> Response:
        return Response(passkeys.begin_step_up(request, self.read(request).get("step", Step.TWO_FACTOR)))


class NewPasskeyViewSet(SessionCallViewSet):
    """Ask the browser for a new passkey."""

    permission_classes = [*SessionCallViewSet.permission_classes, FreshProof]
    serializer_class = NoFieldsSerializer
    step = Step.FACTORS

    @schema.passkey_options
    def create(self, request: Request) -> Response:
        return Response(passkeys.begin_adding(request))


class PasskeyViewSet(SessionCallViewSet):
    """The passkeys of the person who is signed in."""

    serializer_class = PasskeySerializer
    step = Step.FACTORS

    def get_permissions(self) -> list[Any]:
        is_sensitive = self.action in {"create", "destroy"}
        return [*super().get_permissions(), *([FreshProof()] if is_sensitive else [])]

    def get_serializer_class(self) -> Any:
        return {"create": NewPasskeySerializer, "partial_update": PasskeyNameSerializer}.get(
            self.action, PasskeySerializer
        )

    @schema.passkeys
    def list(self, request: Request) -> Response:
        return Response(PasskeySerializer(passkeys.list_own(cast("User", request.user)), many=True).data)

    @schema.passkey_add
    def create(self, request: Request) -> Response:
        data = self.read(request)
        device = passkeys.add(request, code=data["credential"], name=data["name"])
        return Response(PasskeySerializer(device).data, status=201)

    @schema.passkey_rename
    def partial_update(self, request: Request, pk: str) -> Response:
        device = passkeys.rename(cast("User", request.user), int(pk), self.read(request)["name"])
        return Response(PasskeySerializer(device).data)

    @schema.passkey_remove
    def destroy(self, request: Request, pk: str) -> Response:
        factors.remove(request, method=Method.PASSKEY, pk=int(pk))
        return Response(status=204)
