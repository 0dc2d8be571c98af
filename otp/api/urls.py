"""Addresses of the API: no trailing slash needed, and one does no harm."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.routers import APIRootView, DefaultRouter

from otp.api import viewsets
from otp.api.handler import answer_error


class CallsView(APIRootView):
    """The calls of this API. The OpenAPI document is at `/api/schema`, a page to read and try it at `/api/docs`."""

    permission_classes = [AllowAny]
    schema = None  # DRF's way to leave a view out of the document


class Router(DefaultRouter):
    APIRootView = CallsView
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


@csrf_exempt
@login_not_required
def not_found(request: HttpRequest) -> JsonResponse:
    """Answer for every other address below `/api/`, in the shape of all errors."""
    return answer_error(request, 404)


router = Router()
router.register("send-otp", viewsets.SendOtpViewSet, basename="send-otp")
router.register("verify-otp", viewsets.VerifyOtpViewSet, basename="verify-otp")
router.register("register-with-otp", viewsets.RegisterWithOtpViewSet, basename="register-with-otp")
router.register("forgot-password-otp", viewsets.ForgotPasswordOtpViewSet, basename="forgot-password-otp")

urlpatterns = [
    re_path(r"^schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("", include(router.urls)),
    re_path("", not_found),
]
