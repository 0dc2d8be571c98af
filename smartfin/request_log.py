"""One line for each request, and an id that ties together what belongs to it."""

import re
import time
import uuid
from typing import Any

import structlog
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter
from django_structlog import signals
from django_structlog.middlewares import RequestMiddleware

from otp.client import find_client_address

HEADER = "X-Request-ID"
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,63}\Z")
MAX_PATH_LENGTH = 200


class RequestLogMiddleware(RequestMiddleware):
    """Gives each request an id, says it in the answer, and writes `request_finished` or `request_failed`."""

    def prepare(self, request: HttpRequest) -> None:
        structlog.contextvars.clear_contextvars()
        request.log_id = _choose_id(request)  # type: ignore[attr-defined]
        request.log_started = time.perf_counter()  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request.log_id)  # type: ignore[attr-defined]

    def handle_response(self, request: HttpRequest, response: HttpResponse) -> None:
        super().handle_response(request, response)
        response[HEADER] = request.log_id  # type: ignore[attr-defined]

    @staticmethod
    def bind_user_id(request: HttpRequest) -> None:
        """Note who it is if that was found out anyway: asking would cost statements and a `Vary: Cookie`."""
        user = getattr(request, "_cached_user", None)
        if user is not None and user.pk:
            structlog.contextvars.bind_contextvars(user_id=user.pk)

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Write method and route: `GET accounts/phone-change/stop/<str:token>/`.

        SECURITY: never the query, nor what fills a route's variable parts: links of mails carry secrets there.
        """
        match = request.resolver_match
        path = match.route if match else request.path[:MAX_PATH_LENGTH]
        return f"{request.method} {path}"


@receiver([signals.bind_extra_request_finished_metadata, signals.bind_extra_request_failed_metadata])
def add_details(sender: Any, request: HttpRequest, log_kwargs: dict[str, Any], **kwargs: Any) -> None:
    """Name the status as everybody does (a `code` here is something else), and say from where and how long."""
    log_kwargs["status"] = log_kwargs.pop("code")
    log_kwargs["client_address"] = find_client_address(request)
    log_kwargs["user_agent"] = request.META.get("HTTP_USER_AGENT", "")[:256]
    log_kwargs["duration_ms"] = round((time.perf_counter() - request.log_started) * 1000)  # type: ignore[attr-defined]


class ReportFilter(SafeExceptionReporterFilter):
    """What a report of a bug may hold: no form, no cookie, no header that opens anything, no variable of any frame."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        parameters = super().get_post_parameters(request) if request else {}
        return dict.fromkeys(parameters, self.cleansed_substitute) if self.is_active(request) else parameters

    def get_safe_cookies(self, request: HttpRequest) -> dict[str, Any]:
        return dict.fromkeys(request.COOKIES, self.cleansed_substitute)

    def get_safe_request_meta(self, request: HttpRequest) -> dict[str, Any]:
        meta = super().get_safe_request_meta(request)
        hidden = {"QUERY_STRING", "RAW_URI", "REQUEST_URI", "HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_REFERER"}
        return {name: self.cleansed_substitute if name in hidden else value for name, value in meta.items()}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: Any) -> Any:
        variables = super().get_traceback_frame_variables(request, tb_frame)
        if not self.is_active(request):
            return variables
        return [(name, self.cleansed_substitute) for name, _ in variables]


class Reporter(ExceptionReporter):
    """Django's report of a bug, without what was in the address."""

    def get_traceback_data(self) -> dict[str, Any]:
        data = super().get_traceback_data()
        if self.request is not None and self.filter.is_active(self.request):
            data["request_insecure_uri"] = self.request.path
            data["request_GET_items"] = [(name, self.filter.cleansed_substitute) for name in self.request.GET]
        return data


def _choose_id(request: HttpRequest) -> str:
    """Take the id over that a proxy of ours gave, or make one.

    SECURITY: anybody can send the header. Without a trusted proxy it counts for nothing: two people could share an id.
    """
    given = request.headers.get(HEADER, "")
    if settings.TRUSTED_PROXY_COUNT and REQUEST_ID.match(given):
        return given
    return uuid.uuid4().hex
