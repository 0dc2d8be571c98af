"""Who calls: the session's person, with a CSRF token on every call that changes something, signed in or not."""

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request


class CsrfRefused(PermissionDenied):
    """The CSRF token is missing or not this session's."""


class StrictSessionAuthentication(SessionAuthentication):
    """Django REST framework asks strangers for no CSRF token. These calls sign people in: it is asked of everybody.

    # SECURITY: without it another site's page could sign a visitor in to an account of its own choice.
    """

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        authenticated = super().authenticate(request)
        if authenticated is None:
            self.enforce_csrf(request)
        return authenticated

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied:
            raise CsrfRefused from None
