"""Fixtures for the journeys of people."""

import time

import pytest
import time_machine
from django.test import Client

from accounts.tests.people import NUMBER, make_person, with_phone
from accounts.tests.steps import call
from otp.sandbox.models import Message


@pytest.fixture(autouse=True)
def early_in_a_time_step(request):
    """Codes of an app that a test takes from the step before stay in reach: no step ends while it runs."""
    if "browser" in request.node.path.parts:
        yield  # Chromium has a clock of its own
        return
    with time_machine.travel(time.time() // 30 * 30 + 5, tick=True):
        yield


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


@pytest.fixture
def begin_reset(ann, django_capture_on_commit_callbacks, read_code):
    """Take the first step over the API, and give what the second one needs."""

    def begin_reset():
        pair = {"email": ann.email, "phone": ann.phone}
        with django_capture_on_commit_callbacks(execute=True):
            assert call(Client(), "forgot-password-otp", **pair).status_code == 202
        return {**pair, "otp_code": read_code(ann.phone), "new_password": "another-good-one"}

    return begin_reset


@pytest.fixture
def finish_reset(django_capture_on_commit_callbacks):
    """Take the second step over the API, with whatever proofs."""

    def finish_reset(**body):
        with django_capture_on_commit_callbacks(execute=True):
            return call(Client(), "forgot-password-otp", **body)

    return finish_reset


@pytest.fixture
def payer(ann):
    """Somebody whose phone is a second factor, who confirms payments with it."""
    return with_phone(ann)
