"""The session calls. Each reads a shape, makes one call into the domain, and writes a shape."""

from typing import Any, cast

from django.middleware.csrf import get_token
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api import schema
from accounts.api.authentication import CsrfRefused, StrictSessionAuthentication
from accounts.api.serializers import LoginSerializer, LogoutDoneSerializer, PersonSerializer, SessionSerializer
from accounts.exceptions import CsrfTokenMissing
from accounts.flows import login as flow
from accounts.models import User
from accounts.views.login import CLEAR_SITE_DATA


class SessionCallViewSet(GenericViewSet[User]):
    """A call of the session: by cookie, for pages of this site."""

    authentication_classes = [StrictSessionAuthentication]
    permission_classes = [IsAuthenticated]
    queryset = User.objects.none()

    def get_view_name(self) -> str:
        return (type(self).__doc__ or "").rstrip(".")

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

    @schema.session
    def retrieve(self, request: Request) -> Response:
        is_signed_in = request.user.is_authenticated
        answer: dict[str, Any] = {
            "authenticated": is_signed_in,
            "user": request.user if is_signed_in else None,
            "csrf_token": get_token(request),
            "second_factor": {"required": False, "methods": [], "to": None},
        }
        return Response(SessionSerializer(answer).data)


class LoginViewSet(SessionCallViewSet):
    """Sign in."""

    permission_classes = [AllowAny]
    serializer_class = LoginSerializer

    @schema.login
    def create(self, request: Request) -> Response:
        serializer = LoginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        flow.sign_in_with_password(request, **serializer.validated_data)
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
