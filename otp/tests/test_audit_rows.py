"""What each send and each check leaves behind, and that nothing happens where nothing can be left."""

from collections import Counter
from contextlib import ExitStack

import pytest
from django.db import DatabaseError, connection

from otp.destinations import parse_destination
from otp.models import Verification, VerificationAttempt
from otp.models.attempt import Kind

pytestmark = pytest.mark.django_db
NUMBER = "+12025550123"


@pytest.mark.requirement("AUD-01")
def test_each_step_of_a_flow_leaves_exactly_one_row(api, twilio):
    def call(path, **body):
        return api.post(
            f"/api/{path}", {"to": NUMBER, **body}, format="json", HTTP_USER_AGENT="Firefox", REMOTE_ADDR="198.51.100.7"
        ).status_code

    statuses = [
        call("send-otp"),
        call("send-otp"),
        call("verify-otp", code="000000"),
        call("verify-otp", code=twilio.code),
    ]
    statuses += [call("verify-otp", code=twilio.code), call("send-otp", to="+18005550123")]

    assert statuses == [201, 429, 400, 200, 400, 403]
    rows = list(VerificationAttempt.objects.order_by("pk"))
    assert [(row.kind, row.outcome, row.reason) for row in rows] == [
        ("send", "ok", ""),
        ("send", "too_many_requests", "resend_wait"),
        ("check", "incorrect_code", ""),
        ("check", "ok", ""),
        ("check", "code_expired", ""),
        ("send", "destination_blocked", ""),
    ]
    assert {(row.client_address, row.user_agent) for row in rows} == {("198.51.100.7", "Firefox")}
    assert {row.destination_masked for row in rows[:5]} == {"+1 ••• ••• 0123"}
    assert {row.destination_hash for row in rows[:5]} == {parse_destination(NUMBER).hash}
    assert Counter(bool(row.request_id) for row in rows) == {True: 6}
    assert all(row.created_at.utcoffset().total_seconds() == 0 for row in rows)


@pytest.mark.requirement("AUD-03")
@pytest.mark.django_db(transaction=True)
class TestNoAudit:
    @pytest.fixture
    def breaks(self):
        """Break the audit's table from here on."""

        def refuse(execute, sql, *args):
            if 'INSERT INTO "otp_verificationattempt"' in sql:
                raise DatabaseError("the audit is away")
            return execute(sql, *args)

        with ExitStack() as stack:
            yield lambda: stack.enter_context(connection.execute_wrapper(refuse))

    def test_nothing_is_sent(self, post, twilio, breaks):
        breaks()

        assert post("send-otp", to=NUMBER).status_code >= 500
        assert twilio.received == []
        assert Verification.objects.exists() == (connection.vendor != "postgresql")  # written together there

    def test_no_code_is_accepted(self, post, twilio, breaks):
        post("send-otp", to=NUMBER)
        breaks()

        assert post("verify-otp", to=NUMBER, code=twilio.code).status_code >= 500
        assert twilio.checks == []
        assert Verification.objects.get().status == "pending"
        assert not VerificationAttempt.objects.filter(kind=Kind.CHECK).exists()
