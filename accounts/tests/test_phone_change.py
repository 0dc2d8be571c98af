"""Changing the phone number: proof by what the account has, proof of the new number, and what the owner can undo."""

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser, PhoneChange, PhoneDevice, User
from accounts.tests.people import NUMBER, make_person, show_totp_code, sign_in, with_phone, with_totp, with_totp_device
from accounts.tests.steps import SECURITY, give_code, give_password, give_proof, is_signed_in, read, wrong
from otp.models import VerificationAttempt
from otp.sandbox.models import Message
from otp.tests.twilio_double import Answer

pytestmark = pytest.mark.django_db
START, CODE = "/accounts/phone-change/", "/accounts/phone-change/code/"
NEW = "+12025550188"


@pytest.fixture
def signed_in(client, ann):
    """Ann's browser, freshly proven by her app."""
    sign_in(client, ann, device=with_totp_device(ann))
    give_proof(client, "phone_change", show_totp_code(ann, step=-1), "totp")
    return client


def get_phone(user):
    return User.objects.get(pk=user.pk).phone


def change(client, code_of, number=NEW):
    """Take both steps; `code_of` reads the code that went to a number."""
    client.post(START, {"phone": number})
    return client.post(CODE, {"code": code_of(number)})


class TestChange:
    @pytest.mark.requirement("REC-07", "MFA-07")
    def test_takes_both_proofs_and_tells_both_the_mailbox_and_the_old_number(
        self, signed_in, ann, read_code, django_capture_on_commit_callbacks
    ):
        with_phone(ann)

        with django_capture_on_commit_callbacks(execute=True):
            answer = change(signed_in, read_code)

        assert answer["Location"] == SECURITY
        ann.refresh_from_db()
        assert (ann.phone, ann.phone_verified_at is not None) == (NEW, True)
        assert PhoneDevice.objects.get(user=ann).name == "+1 ••• ••• 0188"
        assert [(message.to, message.subject) for message in mail.outbox] == [
            ([ann.email], "The phone number of your SmartFin account was changed")
        ]
        assert "+1 ••• ••• 0188" in mail.outbox[0].body
        assert NEW not in mail.outbox[0].body
        notice = Message.objects.filter(to=NUMBER, code="").get()
        assert "this number was taken off an account" in notice.body
        event = ann.security_events.get(kind="phone_changed")
        assert event.detail == "+1 ••• ••• 0188"

    @pytest.mark.requirement("REC-07")
    def test_a_stolen_session_changes_nothing(self, client, ann):
        with_totp(ann)
        sign_in(client, ann, ago=1000)

        for address, fields in ((START, {"phone": NEW}), (CODE, {"code": "123456"}), (f"{CODE}resend/", {})):
            assert client.post(address, fields)["Location"].startswith("/accounts/confirm/?for=phone_change")

        assert not Message.objects.exists()
        assert get_phone(ann) == NUMBER

    @pytest.mark.requirement("REC-07")
    def test_a_proof_that_ran_out_meanwhile_does_not_do(self, signed_in, ann, read_code):
        signed_in.post(START, {"phone": NEW})
        code = read_code(NEW)

        with time_machine.travel(timezone.now() + timezone.timedelta(seconds=305)):
            assert signed_in.post(CODE, {"code": code})["Location"].startswith("/accounts/confirm/?for=phone_change")

        assert get_phone(ann) == NUMBER

    @pytest.mark.requirement("REC-11", "OTP-05")
    def test_the_number_of_the_session_counts_and_no_other(self, signed_in, ann, read_code):
        signed_in.post(START, {"phone": NEW})

        signed_in.post(CODE, {"code": read_code(NEW), "phone": "+12025550199", "to": "+12025550199", "user_id": 99})

        assert get_phone(ann) == NEW

    @pytest.mark.requirement("REC-11")
    def test_another_number_needs_another_code(self, signed_in, ann, read_code):
        signed_in.post(START, {"phone": NEW})
        code = read_code(NEW)
        signed_in.post(START, {"phone": "+12025550199"})

        assert signed_in.post(CODE, {"code": code}).status_code == 200
        assert get_phone(ann) == NUMBER

    def test_a_wrong_code_says_how_many_tries_are_left(self, signed_in, ann, read_code):
        signed_in.post(START, {"phone": NEW})

        page = read(signed_in.post(CODE, {"code": wrong(read_code(NEW))}))

        assert "4 tries left." in page
        assert get_phone(ann) == NUMBER

    @pytest.mark.requirement("REC-03", "SES-09", "OTP-11")
    def test_other_sessions_trust_and_open_codes_end(self, signed_in, ann, read_code):
        other, pending = sign_in(Client(), ann), Client()
        with_phone(ann, preferred_channel="sms")
        give_password(pending)
        old_code = read_code(NUMBER)
        KnownBrowser.objects.create(user=ann, key="-", trusted_until=timezone.now() + timezone.timedelta(1))

        change(signed_in, read_code)

        assert is_signed_in(signed_in)
        assert not is_signed_in(other)
        assert not KnownBrowser.objects.exclude(trusted_until=None).exists()
        assert give_code(pending, old_code).status_code == 200
        assert not is_signed_in(pending)

    def test_somebody_else_s_number_is_told_of_only_after_the_proof(self, signed_in, ann, read_code):
        make_person("bob@example.com", NEW)
        assert signed_in.post(START, {"phone": NEW})["Location"] == CODE

        page = read(signed_in.post(CODE, {"code": read_code(NEW)}))

        assert "That phone number already belongs to an account." in page
        assert get_phone(ann) == NUMBER
        assert not PhoneChange.objects.exists()

    @pytest.mark.requirement("REC-09")
    def test_an_unproven_claim_to_a_number_stands_in_nobody_s_way(self, signed_in, ann, read_code):
        make_person("eve@example.com", "", phone=NEW)

        change(signed_in, read_code)

        assert get_phone(ann) == NEW

    def test_an_outage_is_told_and_changes_nothing(self, signed_in, ann, twilio):
        twilio.always(Answer.error(500, 20500))

        answer = signed_in.post(START, {"phone": NEW})

        assert answer.status_code == 503
        assert "Codes can’t be sent or checked right now." in read(answer)
        assert get_phone(ann) == NUMBER

    def test_posted_twice_it_happens_once(self, signed_in, ann, read_code):
        signed_in.post(START, {"phone": NEW})
        code = read_code(NEW)
        for _ in range(2):
            assert signed_in.post(CODE, {"code": code}).status_code == 302

        assert PhoneChange.objects.count() == 1

    def test_each_send_and_check_leaves_its_row(self, signed_in, ann, read_code):
        change(signed_in, read_code)

        rows = VerificationAttempt.objects.filter(purpose="phone_change").order_by("pk")
        assert [(row.kind, row.outcome, row.user_id) for row in rows] == [
            ("send", "ok", ann.pk),
            ("check", "ok", ann.pk),
        ]


class TestNumbers:
    @pytest.mark.requirement("TOL-08")
    def test_a_number_that_was_on_too_many_accounts_is_refused(self, signed_in, ann, read_code, settings):
        settings.OTP_MAX_ACCOUNTS_PER_NUMBER_PER_MONTH = 0

        answer = change(signed_in, read_code)

        assert "used for too many accounts" in answer.content.decode()
        assert get_phone(ann) == NUMBER

    @pytest.mark.requirement("TOL-08")
    def test_one_number_after_another_is_refused(self, signed_in, settings):
        settings.OTP_MAX_NUMBERS_PER_ACCOUNT_PER_DAY = 1
        signed_in.post(START, {"phone": NEW})

        answer = signed_in.post(START, {"phone": "+12025550189"})

        assert "Too many numbers were tried for this account" in answer.content.decode()
