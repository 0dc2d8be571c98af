"""What programs ask of a server: is it alive, is it ready, what has it counted. And the counting of requests."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST

from otp import metrics
from otp.api.handler import answer_error
from otp.operations import exposition, health

GetResponse = Callable[[HttpRequest], HttpResponse]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class ProbeMiddleware:
    """Answers `/healthz`, `/readyz` and `/metrics`.

    Before everything else: a probe comes over plain HTTP and with the machine's address as its host name, and must not
    need a session, the database or the log to learn that the process lives.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.answers: dict[str, GetResponse] = {"/healthz": tell_alive, "/readyz": tell_ready, "/metrics": tell_metrics}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.answers.get(request.path_info)
        if answer is None or (answer is tell_metrics and not exposition.is_on()):
            return self.get_response(request)
        response = answer(request) if request.method in {"GET", "HEAD"} else HttpResponseNotAllowed(["GET", "HEAD"])
        response["Cache-Control"] = "no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def tell_alive(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


def tell_ready(request: HttpRequest) -> HttpResponse:
    parts = health.check_parts()
    is_ready = set(parts.values()) == {health.OK}
    body = {"status": "ok" if is_ready else "unavailable", "parts": parts}
    return JsonResponse(body, status=200 if is_ready else 503)


def tell_metrics(request: HttpRequest) -> HttpResponse:
    if not exposition.may_read(request):
        return answer_error(request, 403)
    return HttpResponse(exposition.expose(), content_type=CONTENT_TYPE_LATEST)


class RequestMetricsMiddleware:
    """Counts requests by view, never by address: what a client can make up would fill the memory."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not exposition.is_on():
            return self.get_response(request)
        started = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name if match else "") or "none"
        method = request.method if request.method in METHODS else "other"
        metrics.HTTP_REQUESTS.labels(view, method, response.status_code).inc()
        metrics.HTTP_SECONDS.labels(view).observe(time.perf_counter() - started)
        return response
