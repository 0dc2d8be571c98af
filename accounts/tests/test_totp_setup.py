"""The authenticator app: setting it up."""

import re

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp as make_code

from accounts.encryption import decrypt
from accounts.factors import totp
from accounts.models import TotpDevice
from accounts.tests.people import show_totp_code, sign_in, with_totp
from accounts.tests.steps import ask_for_proof, give_code, give_password, give_proof, read, wrong

SET_UP = "/accounts/security/totp/"


@pytest.mark.django_db
class TestSettingUp:
    @pytest.mark.requirement("MFA-03", "OTP-15")
    def test_from_the_qr_code_to_the_first_sign_in(self, client, ann, read_code):
        sign_in(client, ann)
        ask_for_proof(client, "factors")
        give_proof(client, "factors", read_code())
        page = read(client.get(SET_UP))
        secret = re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", page)[0]
        assert "<svg" in page
        device = TotpDevice.objects.get(user=ann)
        assert secret == totp.get_secret_text(device)
        assert not device.confirmed

        client.post(SET_UP, {"code": show_totp_code(ann)})

        ann.refresh_from_db()
        device.refresh_from_db()
        assert (device.confirmed, ann.two_factor_enabled) == (True, True)
        assert client.get("/accounts/security/").wsgi_request.user.is_verified()
        other = Client()
        give_password(other)
        assert give_code(other, show_totp_code(ann, step=1), "totp").status_code == 302

    @pytest.mark.requirement("MFA-03")
    def test_without_its_code_it_is_no_factor(self, client, ann, read_code):
        sign_in(client, ann)
        ask_for_proof(client, "factors")
        give_proof(client, "factors", read_code())
        client.get(SET_UP)

        page = read(client.post(SET_UP, {"code": wrong(show_totp_code(ann))}))

        ann.refresh_from_db()
        assert "That code isn’t right." in page
        assert not ann.two_factor_enabled
        assert give_password(Client())["Location"] == "/"

    @pytest.mark.requirement("MFA-03")
    def test_a_new_app_takes_the_place_of_the_old_one(self, client, ann):
        with_totp(ann)
        old = TotpDevice.objects.get(user=ann)
        sign_in(client, ann, device=old)
        give_proof(client, "factors", show_totp_code(ann, step=-1), "totp")
        client.get(SET_UP)
        assert give_code_of(old, Client())

        client.post(SET_UP, {"code": show_totp_code(ann)})

        assert TotpDevice.objects.filter(user=ann).count() == 1
        assert not TotpDevice.objects.filter(pk=old.pk).exists()

    @pytest.mark.requirement("MFA-03", "REC-10")
    def test_a_secret_that_another_session_has_seen_is_not_the_one_set_up(self, client, ann, read_code):
        """Whoever once sat at an open session must not have planted the app that its owner sets up later."""
        intruder = sign_in(Client(), ann)
        ask_for_proof(intruder, "factors")
        give_proof(intruder, "factors", read_code())
        intruder.get(SET_UP)
        seen = decrypt(TotpDevice.objects.get(user=ann).encrypted_secret)

        with time_machine.travel(timezone.now() + timezone.timedelta(minutes=5)):
            sign_in(client, ann)
            ask_for_proof(client, "factors")
            give_proof(client, "factors", read_code())
            client.get(SET_UP)
            mine = decrypt(TotpDevice.objects.get(user=ann).encrypted_secret)
            assert mine != seen
            # What the intruder holds confirms nothing any more.
            intruder.post(SET_UP, {"code": f"{make_code(seen):06}"})
            assert not TotpDevice.objects.filter(user=ann, confirmed=True).exists()
            client.post(SET_UP, {"code": f"{make_code(mine):06}"})

        assert decrypt(TotpDevice.objects.get(user=ann, confirmed=True).encrypted_secret) == mine

    def test_a_reload_and_a_wrong_code_keep_the_secret(self, client, ann, read_code):
        sign_in(client, ann)
        ask_for_proof(client, "factors")
        give_proof(client, "factors", read_code())
        pages = [client.get(SET_UP), client.get(SET_UP), client.post(SET_UP, {"code": "000000"})]

        assert len({re.search(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", read(page))[0] for page in pages}) == 1


def give_code_of(device, client):
    give_password(client)
    return give_code(client, f"{make_code(decrypt(device.encrypted_secret)):06}", "totp").status_code == 302
