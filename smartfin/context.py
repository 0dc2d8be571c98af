"""What every page of the site is told."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, bool]:
    """Say whether strangers may read how the API works, as they may in development."""
    return {"api_docs_are_public": settings.DEBUG}
