"""The sandbox's pages: the inbox, its JSON, the control, and Verify over HTTP. Open to all, as a developer's tool."""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from otp.api.handler import describe
from otp.exceptions import OtpError
from otp.sandbox import messages, received
from otp.sandbox.clock import now
from otp.sandbox.control import InvalidControl, change_state, read_state
from otp.sandbox.wire import answer_over_http, base_url

MESSAGES_IN_JSON = 200
MESSAGES_ON_PAGE = 50

View = Callable[..., HttpResponse]


def open_to_all(view: View) -> View:
    """Mark a view as reachable without a session, from anywhere, and never cached."""
    opened: Any = login_not_required(csrf_exempt(never_cache(view)))
    # Also to whoever a site leads to setting a second factor up before anything else: their codes are in the inbox.
    opened.is_open_before_enrolment = True
    return opened


@open_to_all
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    to = _destination(request)
    page = Paginator(messages.received_by(to), MESSAGES_ON_PAGE).get_page(request.GET.get("page"))
    state = read_state()
    context = {
        "page": page,
        "to": to,
        "state": state,
        "sandbox_now": now(state),
        "base_url": base_url(request),
        "credentials": [
            ("Account SID", settings.TWILIO_ACCOUNT_SID),
            ("Auth token", settings.TWILIO_AUTH_TOKEN),
            ("Service SID", settings.TWILIO_VERIFY_SERVICE_SID),
            ("Sign-in Service SID", settings.TWILIO_LOGIN_SERVICE_SID),
            ("Payments Service SID", settings.TWILIO_PSD2_SERVICE_SID),
            ("Messaging Service SID", settings.TWILIO_MESSAGING_SERVICE_SID),
        ],
    }
    return render(request, "sandbox/inbox.html", context)


@open_to_all
@require_safe
def messages_json(request: HttpRequest) -> HttpResponse:
    newest = messages.received_by(_destination(request))[:MESSAGES_IN_JSON]
    return JsonResponse({"messages": [messages.as_json(message) for message in newest]})


@open_to_all
@require_safe
def requests_json(request: HttpRequest) -> HttpResponse:
    newest = received.received(request.GET.get("path", ""))[:MESSAGES_IN_JSON]
    return JsonResponse({"requests": [received.as_json(row) for row in newest]})


@open_to_all
@require_http_methods(["GET", "HEAD", "POST"])
def control(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return JsonResponse(read_state().as_json())
    try:
        return JsonResponse(change_state(json.loads(request.body)).as_json())
    except OtpError as error:  # the site's counters are away
        return JsonResponse(describe(error), status=error.http_status)
    except InvalidControl as refusal:
        sentence = str(refusal)
    except (ValueError, RecursionError):
        sentence = "Send a JSON object."
    except RequestDataTooBig:
        sentence = "That is too much."
    return JsonResponse({"error": sentence, "code": "invalid_request"}, status=400)


@open_to_all
def twilio(request: HttpRequest, path: str) -> HttpResponse:
    return answer_over_http(request, path)


def _destination(request: HttpRequest) -> str:
    return request.GET.get("to", "").replace("\x00", "")
