"""Small things that several tests of the sandbox say."""

import threading

import pytest
from django.db import connection
from twilio.base.exceptions import TwilioRestException

PHONE = "+12025550123"
OTHER_PHONE = "+12025550124"


def refusal_of(call, *args, **kwargs):
    """Make a call that Twilio refuses, and give back what the SDK raised."""
    with pytest.raises(TwilioRestException) as caught:
        call(*args, **kwargs)
    return caught.value


def refused(call, *args, **kwargs):
    """Make a call that Twilio refuses, and give back its HTTP status and error number."""
    error = refusal_of(call, *args, **kwargs)
    return error.status, error.code


def wrong(code):
    """Another code of the same length."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def at_once(count, work):
    """Run `work(index)` in threads that start together; give back results and exceptions in order."""
    barrier = threading.Barrier(count)
    results = [None] * count

    def run(index):
        try:
            barrier.wait(timeout=30)
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results
