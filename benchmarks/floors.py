"""The floors that the flows are compared with, as a Django site of its own with the settings of the real one.

B: a bare Django view. F: a bare DRF view that makes one call through the SDK as the site tunes it, and nothing else.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from benchmarks.site_settings import *  # noqa: F403

INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "benchmarks.floors"
AUTH_USER_MODEL = "auth.User"
REST_FRAMEWORK = {"DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"]}
NO_AUTHENTICATION: list[type[BaseAuthentication]] = []


def bare_django(request: HttpRequest) -> HttpResponse:
    return HttpResponse('{"status": "pending"}', content_type="application/json")


@api_view(["POST"])
@authentication_classes(NO_AUTHENTICATION)
@permission_classes([])
def one_call(request: Request) -> Response:
    from otp.verify_api.service import twilio_verify  # this module is the settings as well: not before they are

    data: Any = request.data
    sent = twilio_verify.send_otp(data["to"], "sms")
    return Response({"status": sent.status}, status=201)


urlpatterns = [path("django", bare_django), path("call", one_call)]
