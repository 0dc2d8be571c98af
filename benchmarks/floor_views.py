"""The floors. B: a bare Django view. F: a bare DRF view that makes one call through the SDK as the site tunes it.

S is F with what no send can do without beside it: five statements, with the connection handed back during the call, and
one round trip to Redis. They do nothing.
"""

from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response
from twilio.rest import Client

from otp.verify_api.http import VerifyHttpClient

NO_AUTHENTICATION: list[type[BaseAuthentication]] = []


@cache
def get_service() -> Any:
    """Give the SDK's Service, made at the first call: each worker has connections of its own."""
    http_client = VerifyHttpClient(settings.TWILIO_VERIFY_URL, settings.TWILIO_TIMEOUT)
    client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=http_client)
    return client.verify.v2.services(settings.TWILIO_VERIFY_SERVICE_SID)


def bare_django(request: HttpRequest) -> HttpResponse:
    return HttpResponse('{"status": "pending"}', content_type="application/json")


@api_view(["POST"])
@authentication_classes(NO_AUTHENTICATION)
@permission_classes([])
def one_call(request: Request) -> Response:
    data: Any = request.data
    sent = get_service().verifications.create(to=data["to"], channel="sms")
    return Response({"status": sent.status}, status=201)


@api_view(["POST"])
@authentication_classes(NO_AUTHENTICATION)
@permission_classes([])
def one_call_and_statements(request: Request) -> Response:
    data: Any = request.data
    get_redis().ping()
    make_statements(3)
    connection.close()
    sent = get_service().verifications.create(to=data["to"], channel="sms")
    make_statements(2)
    return Response({"status": sent.status}, status=201)


@cache
def get_redis() -> redis.Redis:
    return redis.Redis.from_url(settings.CACHE_URL)


def make_statements(count: int) -> None:
    for _ in range(count):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchall()


urlpatterns = [
    path("django", bare_django),
    path("call", one_call),
    path("call-and-statements", one_call_and_statements),
]
