"""Fixtures for the journeys of people."""

import pytest

from accounts.tests.people import NUMBER, make_person
from otp.sandbox.models import Message


@pytest.fixture
def ann(db):
    """Somebody with a proven phone."""
    return make_person()


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
