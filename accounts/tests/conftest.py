"""Fixtures for the journeys of people."""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from otp.sandbox.models import Message

NUMBER = "+12025550123"
PASSWORD = "securepass123"


@pytest.fixture
def ann(db):
    """Somebody with a proven phone."""
    return get_user_model().objects.create_user(
        "ann@example.com", PASSWORD, phone=NUMBER, phone_verified_at=timezone.now()
    )


@pytest.fixture
def read_code():
    """Read the newest code that the sandbox delivered to a destination."""
    return lambda to=NUMBER: Message.objects.filter(to=to).exclude(code="").latest("pk").code


@pytest.fixture
def submit(client, django_capture_on_commit_callbacks):
    """Post a form, do what is left to do after the answer, and follow where it leads."""

    def submit(address, **fields):
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(address, fields)
        return client.get(answer["Location"]) if answer.status_code == 302 else answer

    return submit
