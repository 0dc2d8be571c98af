"""Turning exceptions into answers: one shape for every error the API gives.

Shape: `{"error": "<sentence>", "code": "<stable>"}`, plus `fields`, `retry_after` (also as a header), `attempts_left`,
`methods`, `verification_token`.
"""

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response
from rest_framework.views import set_rollback

from otp.exceptions import OtpError, ProviderUnavailable

logger = logging.getLogger(__name__)

CODES = {
    HTTPStatus.UNAUTHORIZED: "not_authenticated",
    HTTPStatus.FORBIDDEN: "not_authenticated",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
    HTTPStatus.TOO_MANY_REQUESTS: "too_many_requests",
}
DJANGO_ERRORS = {
    Http404: HTTPStatus.NOT_FOUND,
    PermissionDenied: HTTPStatus.FORBIDDEN,
    RequestDataTooBig: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
SENTENCES = {
    HTTPStatus.BAD_REQUEST: _("That request can’t be read. Check it and try again."),
    HTTPStatus.FORBIDDEN: _("Sign in first."),
    HTTPStatus.NOT_FOUND: _("There is nothing here."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: _("That request is too large."),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: _("Send JSON, with Content-Type: application/json."),
}


def handle_exception(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer for an exception raised in an API view; None leaves it to Django as a bug."""
    extra = getattr(context.get("view"), "error_extra", {})
    if isinstance(error, OtpError):
        return _answer({**extra, **describe(error)}, error.http_status, error.retry_after)
    if isinstance(error, OperationalError | InterfaceError):
        # The database is away or has no place left: nothing was accepted, and trying again is all that helps.
        logger.error("The database did not answer: %s.", type(error).__name__)
        return handle_exception(ProviderUnavailable(), context)
    for kind, status in DJANGO_ERRORS.items():
        if isinstance(error, kind):
            error = APIException()
            error.status_code = status
    if not isinstance(error, APIException):
        return None
    set_rollback()
    response = _answer({**extra, **_describe_api_exception(error)}, error.status_code, getattr(error, "wait", None))
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    return response


def describe(error: OtpError) -> dict[str, Any]:
    """Give an exception of ours as JSON."""
    body: dict[str, Any] = {"error": str(error.user_message), "code": error.code}
    for name in ("fields", "retry_after", "attempts_left", "verification_token", "methods"):
        if (value := getattr(error, name)) is not None:
            body[name] = value
    return body


def answer(error: OtpError) -> JsonResponse:
    """Answer for an exception of ours from outside of a view."""
    return JsonResponse(describe(error), status=error.http_status)


def answer_error(request: HttpRequest, status: int) -> JsonResponse:
    """Give the error shape from outside of a view: unknown addresses, hosts, and bugs."""
    code = CODES.get(HTTPStatus(status), "invalid_request")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        code = "provider_unavailable"
    sentence = SENTENCES.get(HTTPStatus(status), _("Something went wrong here. Try again in a moment."))
    return JsonResponse({"error": str(sentence), "code": code}, status=status)


def _describe_api_exception(error: APIException) -> dict[str, Any]:
    status = HTTPStatus(error.status_code)
    body: dict[str, Any] = {"code": CODES.get(status, "invalid_request")}
    if isinstance(error, ValidationError):
        body["error"] = str(_("Some of what was sent isn’t right. Correct it and try again."))
        body["fields"] = _list_fields(error.detail)
    else:
        detail = error.detail if isinstance(error.detail, str) else ""
        body["error"] = str(SENTENCES[status] if status in SENTENCES and status != HTTPStatus.BAD_REQUEST else detail)
    return body


def _list_fields(detail: Any) -> dict[str, list[str]]:
    """Flatten a serializer's errors to name → sentences."""
    if not isinstance(detail, dict):
        return {"non_field_errors": _list_sentences(detail)}
    return {str(name): _list_sentences(value) for name, value in detail.items()}


def _list_sentences(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [sentence for part in value.values() for sentence in _list_sentences(part)]
    if isinstance(value, list):
        return [sentence for part in value for sentence in _list_sentences(part)]
    return [str(value) if isinstance(value, ErrorDetail | str) else ""]


def _answer(body: dict[str, Any], status: int, retry_after: float | None) -> Response:
    headers = {"Retry-After": str(int(retry_after))} if retry_after else None
    return Response(body, status=status, headers=headers)
