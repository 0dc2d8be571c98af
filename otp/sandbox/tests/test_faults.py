import json

import pytest
import requests

from otp.sandbox.faults import FAULTS
from otp.sandbox.models import Attempt, Message, Verification
from otp.sandbox.tests.support import OTHER_PHONE, PHONE, refused, wrong


@pytest.fixture
def started(service):
    return service.verifications.create(to=PHONE, channel="sms")


class TestCheckFaults:
    @pytest.mark.parametrize(
        ("fault", "status", "valid", "same_sid", "to"),
        [
            ("approve_all", "approved", True, True, PHONE),
            ("approve_wrong_sid", "approved", True, False, PHONE),
            ("approve_wrong_to", "approved", True, True, OTHER_PHONE),
            ("valid_true_status_pending", "pending", True, True, PHONE),
            ("unknown_status", "fulfilled", True, True, PHONE),
        ],
    )
    def test_each_lies_about_any_code_and_leaves_the_verification_alone(
        self, service, started, newest_code, set_control, fault, status, valid, same_sid, to
    ):
        set_control(fault=fault)

        check = service.verification_checks.create(verification_sid=started.sid, code=wrong(newest_code()))

        assert (check.status, check.valid, check.sid == started.sid, check.to) == (status, valid, same_sid, to)
        verification = Verification.objects.get()
        assert (verification.status, verification.check_count) == ("pending", 0)
        set_control(fault=None)
        assert service.verification_checks.create(to=PHONE, code=newest_code()).status == "approved"

    def test_approve_all_approves_again_and_again_and_past_the_expiry(self, service, started, newest_code, set_control):
        set_control(fault="approve_all", advance_seconds=3600)

        checks = [service.verification_checks.create(to=PHONE, code=newest_code()) for _ in range(7)]

        assert {(check.status, check.valid, check.sid, check.to) for check in checks} == {
            ("approved", True, started.sid, PHONE)
        }

    @pytest.mark.parametrize(("fault", "expected"), [("unknown_status", "fulfilled"), ("approve_wrong_to", "pending")])
    def test_two_of_them_spoil_the_answer_to_a_send_as_well(self, service, set_control, fault, expected):
        set_control(fault=fault)

        answer = service.verifications.create(to=PHONE, channel="sms")

        assert answer.status == expected
        assert answer.to == (OTHER_PHONE if fault == "approve_wrong_to" else PHONE)
        assert Message.objects.get().to == PHONE


class TestReplyFaults:
    @pytest.mark.parametrize(("fault", "answer"), [("http_500", (500, 20500)), ("http_503", (503, 20503))])
    def test_failures_of_the_server_process_nothing(self, service, set_control, fault, answer):
        set_control(fault=fault)

        assert refused(service.verifications.create, to=PHONE, channel="sms") == answer
        assert not Verification.objects.exists()

    def test_rate_limited_says_when_to_come_back(self, service, set_control, plain_session):
        set_control(fault="rate_limited")

        answer = plain_session.get("https://verify.twilio.com/v2/Services")

        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (429, 20429, "7")

    def test_html_200_is_no_json(self, service, set_control):
        set_control(fault="html_200")

        with pytest.raises(json.JSONDecodeError):
            service.verifications.create(to=PHONE, channel="sms")
        assert not Verification.objects.exists()

    def test_empty_201_leaves_every_attribute_empty(self, service, set_control):
        set_control(fault="empty_201")

        answer = service.verifications.create(to=PHONE, channel="sms")

        assert (answer.sid, answer.status) == (None, None)
        assert not Verification.objects.exists()

    def test_truncated_json_is_processed_and_cut(self, service, set_control):
        set_control(fault="truncated_json")

        with pytest.raises(json.JSONDecodeError):
            service.verifications.create(to=PHONE, channel="sms")
        assert Verification.objects.count() == 1


class TestNetworkFaults:
    def test_reset_connection_processes_nothing(self, service, set_control):
        set_control(fault="reset_connection")

        with pytest.raises(requests.exceptions.ConnectionError):
            service.verifications.create(to=PHONE, channel="sms")
        assert not Verification.objects.exists()

    def test_drop_reply_after_commit_has_sent_the_message(self, service, set_control):
        set_control(fault="drop_reply_after_commit")

        with pytest.raises(requests.exceptions.ConnectionError):
            service.verifications.create(to=PHONE, channel="sms")
        assert Attempt.objects.count() == Message.objects.count() == 1

    def test_hang_waits_for_the_read_timeout_and_processes_nothing(self, set_control, plain_session):
        set_control(fault="hang")

        with pytest.raises(requests.exceptions.ReadTimeout):
            plain_session.post("https://verify.twilio.com/v2/Services", {"FriendlyName": "x"}, timeout=(3, 0.01))


class TestLongTtl:
    def test_lets_codes_live_a_day_also_those_that_had_expired(
        self, still_clock, service, started, newest_code, set_control
    ):
        set_control(advance_seconds=601)
        assert refused(service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)
        set_control(fault="long_ttl")
        assert service.verification_checks.create(to=PHONE, code=wrong(newest_code())).status == "pending"
        set_control(advance_seconds=86400 - 602)
        assert service.verification_checks.create(to=PHONE, code=wrong(newest_code())).status == "pending"
        set_control(advance_seconds=1)

        assert refused(service.verification_checks.create, to=PHONE, code=newest_code()) == (404, 20404)

    def test_started_under_it_lives_a_day_after_it_is_lifted(self, service, newest_code, set_control):
        set_control(fault="long_ttl")
        service.verifications.create(to=PHONE, channel="sms")
        set_control(fault=None, advance_seconds=86399)

        assert service.verification_checks.create(to=PHONE, code=newest_code()).status == "approved"


def test_every_fault_is_exercised_here():
    names = {
        *("approve_all", "approve_wrong_sid", "approve_wrong_to", "valid_true_status_pending", "unknown_status"),
        *("html_200", "empty_201", "truncated_json", "http_500", "http_503", "rate_limited"),
        *("hang", "reset_connection", "drop_reply_after_commit", "long_ttl"),
    }
    assert set(FAULTS) == names
