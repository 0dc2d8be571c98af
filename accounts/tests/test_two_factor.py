"""Turning the second factor on and off."""

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser, PhoneDevice, User
from accounts.tests.people import make_person, show_totp_code, sign_in, with_totp, with_totp_device
from accounts.tests.steps import LOGIN_CODE, SECURITY, SWITCH, call, give_password, give_proof, is_signed_in, read

pytestmark = pytest.mark.django_db


def switch_api(client, is_on):
    return client.patch("/api/me/two-factor", {"enabled": is_on}, content_type="application/json")


def is_enabled(user):
    return User.objects.get(pk=user.pk).two_factor_enabled


class TestSwitch:
    @pytest.mark.requirement("MFA-03", "REC-07")
    @pytest.mark.parametrize("is_on", [True, False])
    def test_without_a_fresh_proof_nothing_moves(self, is_on, client, ann):
        with_totp(ann, two_factor_enabled=not is_on)
        sign_in(client, ann, ago=1000)

        answer = client.post(SWITCH, {"enabled": "on" if is_on else ""})
        api = switch_api(client, is_on)

        assert answer["Location"].startswith("/accounts/confirm/?for=two_factor")
        assert (api.status_code, api.json()["code"], api.json()["methods"]) == (403, "step_up_required", ["totp"])
        assert is_enabled(ann) is not is_on

    @pytest.mark.requirement("MFA-03", "MFA-07")
    def test_off_and_on_after_a_proof_and_the_person_is_told(self, client, ann, django_capture_on_commit_callbacks):
        sign_in(client, ann, device=with_totp_device(ann))
        give_proof(client, "two_factor", show_totp_code(ann), "totp")

        for is_on in (False, True):
            mail.outbox.clear()
            with django_capture_on_commit_callbacks(execute=True):
                assert client.post(SWITCH, {"enabled": "on" if is_on else ""})["Location"] == SECURITY
                switch_api(client, is_on)  # the same again changes nothing
            assert is_enabled(ann) is is_on
            state = "on" if is_on else "off"
            assert [(message.to, message.subject) for message in mail.outbox] == [
                ([ann.email], f"The second factor of your SmartFin account is {state}")
            ]
            assert ann.security_events.filter(kind=f"two_factor_{state}").count() == 1

    @pytest.mark.requirement("MFA-03")
    def test_on_with_the_phone_takes_a_code_to_it(self, client, ann, read_code):
        sign_in(client, ann)
        assert switch_api(client, True).json()["code"] == "step_up_required"
        assert not PhoneDevice.objects.exists()
        call(client, "step-up/send")
        call(client, "step-up/verify", code=read_code())

        answer = switch_api(client, True)

        assert (answer.status_code, answer.json()["two_factor_enabled"]) == (200, True)
        assert PhoneDevice.objects.get(user=ann, confirmed=True)
        assert give_password(Client())["Location"] == LOGIN_CODE

    @pytest.mark.requirement("MFA-03", "OTP-15")
    def test_a_number_that_was_never_proven_is_no_factor(self, client):
        bob = make_person("bob@example.com", "", phone="+12025550177")
        sign_in(client, bob)

        answer = switch_api(client, True)

        assert (answer.status_code, answer.json()["code"]) == (403, "step_up_required")
        assert client.post("/accounts/security/phone/", follow=True).status_code == 200
        assert not is_enabled(bob)
        assert not PhoneDevice.objects.exists()

    @pytest.mark.requirement("REC-03", "SES-09")
    def test_either_way_ends_the_other_sessions_and_trust(self, client, ann):
        device = with_totp_device(ann)
        for is_on in (False, True):
            other = sign_in(Client(), ann)
            KnownBrowser.objects.create(user=ann, key=str(is_on), trusted_until=timezone.now() + timezone.timedelta(1))
            sign_in(client, ann, device=device)
            give_proof(client, "two_factor", show_totp_code(ann, step=is_on), "totp")

            client.post(SWITCH, {"enabled": "on" if is_on else ""})

            assert is_signed_in(client)
            assert not is_signed_in(other)
            assert not KnownBrowser.objects.exclude(trusted_until=None).exists()

    @pytest.mark.requirement("MFA-03")
    def test_who_must_have_it_cannot_turn_it_off(self, client, ann):
        sign_in(client, ann, device=with_totp_device(ann))
        User.objects.update(two_factor_required=True)
        give_proof(client, "two_factor", show_totp_code(ann), "totp")

        page = read(client.post(SWITCH, {"enabled": ""}, follow=True))
        api = switch_api(client, False)

        assert "Your organization requires a second factor" in page
        assert (api.status_code, api.json()["code"]) == (409, "conflict")
        assert is_enabled(ann)
