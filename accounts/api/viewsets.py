"""The session calls. Each reads a shape, makes one call into the domain, and writes a shape."""

from typing import Any, cast

from django.middleware.csrf import get_token
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api import schema
from accounts.api.authentication import CsrfRefused, StrictSessionAuthentication
from accounts.api.permissions import FreshProof
from accounts.api.serializers import (
    LoginDoneSerializer,
    LoginSerializer,
    LoginVerifySerializer,
    LogoutDoneSerializer,
    PersonSerializer,
    ProvenSerializer,
    SendSerializer,
    SessionSerializer,
    StepUpSendSerializer,
    StepUpVerifySerializer,
    TwoFactorSerializer,
    WaitingSerializer,
)
from accounts.assurance import FRESH_SECONDS, Step
from accounts.exceptions import CsrfTokenMissing
from accounts.factors.methods import Method
from accounts.flows import login as flow
from accounts.flows import step_up, two_factor
from accounts.models import User
from accounts.views.login import CLEAR_SITE_DATA


class SessionCallViewSet(GenericViewSet[User]):
    """A call of the session: by cookie, for pages of this site."""

    authentication_classes = [StrictSessionAuthentication]
    permission_classes = [IsAuthenticated]
    queryset = User.objects.none()

    # Nothing of these opens anything: whoever must set up a second factor signs in and out with them.
    is_open_before_enrolment = True

    def get_view_name(self) -> str:
        return (type(self).__doc__ or "").partition(":")[0].rstrip(".")

    def read(self, request: Request) -> dict[str, Any]:
        serializer = self.get_serializer_class()(data=request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def handle_exception(self, exc: Exception) -> Response:
        return super().handle_exception(CsrfTokenMissing() if isinstance(exc, CsrfRefused) else exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class SessionViewSet(SessionCallViewSet):
    """Who is signed in."""

    permission_classes = [AllowAny]
    serializer_class = SessionSerializer
    is_polled = True

    @schema.session
    def retrieve(self, request: Request) -> Response:
        answer = flow.describe_session(request)
        return Response(SessionSerializer({**answer, "csrf_token": get_token(request)}).data)


class LoginViewSet(SessionCallViewSet):
    """Sign in: with the password, then with a second factor where one is asked for."""

    permission_classes = [AllowAny]
    serializer_class = LoginSerializer

    @schema.login
    def create(self, request: Request) -> Response:
        pending = flow.sign_in_with_password(request, **self.read(request))
        if pending is None:
            return Response({"status": "authenticated"})
        answer = flow.describe_pending(pending)
        return Response(LoginDoneSerializer({"status": "second_factor_required", **answer}).data)


class LoginSendViewSet(SessionCallViewSet):
    """Send the sign-in's code, again or by another channel."""

    permission_classes = [AllowAny]
    serializer_class = SendSerializer

    @schema.login_send
    def create(self, request: Request) -> Response:
        pending = flow.send_code(request, **self.read(request))
        return Response(WaitingSerializer(flow.describe_pending(pending)).data)


class LoginVerifyViewSet(SessionCallViewSet):
    """Finish signing in."""

    permission_classes = [AllowAny]
    serializer_class = LoginVerifySerializer

    @schema.login_verify
    def create(self, request: Request) -> Response:
        flow.finish(request, **self.read(request))
        return Response({"status": "authenticated"})


class LogoutViewSet(SessionCallViewSet):
    """Sign out."""

    permission_classes = [AllowAny]
    serializer_class = LogoutDoneSerializer

    @schema.logout
    def create(self, request: Request) -> Response:
        flow.sign_out(request)
        return Response({"status": "signed_out"}, headers={"Clear-Site-Data": CLEAR_SITE_DATA})


class MeViewSet(SessionCallViewSet):
    """The person who is signed in."""

    serializer_class = PersonSerializer

    @schema.me
    def retrieve(self, request: Request) -> Response:
        return Response(PersonSerializer(cast("User", request.user)).data)


class TwoFactorViewSet(SessionCallViewSet):
    """Turn the second factor on or off."""

    permission_classes = [IsAuthenticated, FreshProof]
    serializer_class = TwoFactorSerializer
    step = Step.TWO_FACTOR

    @schema.two_factor
    def partial_update(self, request: Request) -> Response:
        user = two_factor.switch(request, is_on=self.read(request)["enabled"])
        return Response(PersonSerializer(user).data)


class StepUpSendViewSet(SessionCallViewSet):
    """Send a code that proves the person for one step."""

    serializer_class = StepUpSendSerializer

    @schema.step_up_send
    def create(self, request: Request) -> Response:
        data = self.read(request)
        begun = step_up.send(request, data.pop("step", Step.TWO_FACTOR), **data)
        return Response(WaitingSerializer(begun.waiting).data)


class StepUpVerifyViewSet(SessionCallViewSet):
    """Prove the person for one step."""

    serializer_class = StepUpVerifySerializer

    @schema.step_up_verify
    def create(self, request: Request) -> Response:
        data = self.read(request)
        step_up.prove(request, data.pop("step", Step.TWO_FACTOR), **{"method": Method.OTP, **data})
        return Response(ProvenSerializer({"status": "proven", "expires_in": FRESH_SECONDS}).data)
