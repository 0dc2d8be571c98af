"""Adding and taking away ways to sign in."""

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import BackupCodeDevice, FactorBudget, KnownBrowser, TotpDevice, User
from accounts.tests.people import (
    make_person,
    show_totp_code,
    sign_in,
    with_backup_codes,
    with_phone,
    with_totp,
    with_totp_device,
)
from accounts.tests.steps import SECURITY, ask_for_proof, give_code, give_password, give_proof, is_signed_in, read

pytestmark = pytest.mark.django_db


class TestRemoving:
    @pytest.mark.requirement("MFA-03", "MFA-07", "REC-03")
    def test_a_factor_goes_after_a_proof_with_notice_and_trust(self, client, ann, django_capture_on_commit_callbacks):
        with_phone(with_totp(ann))
        other = sign_in(Client(), ann)
        device = TotpDevice.objects.get()
        address = f"/accounts/security/totp/{device.pk}/remove/"
        sign_in(client, ann, device=device)
        assert client.post(address)["Location"].startswith("/accounts/confirm/?for=factors")
        assert TotpDevice.objects.exists()
        give_proof(client, "factors", show_totp_code(ann), "totp")

        with django_capture_on_commit_callbacks(execute=True):
            client.post(address)

        assert not TotpDevice.objects.exists()
        assert [message.subject for message in mail.outbox] == ["A way to sign in to your SmartFin account was removed"]
        assert not is_signed_in(other)
        # The factor that had proven the session is gone, and so is what it opened.
        assert not client.get(SECURITY).wsgi_request.user.is_verified()

    @pytest.mark.parametrize("is_required", [True, False])
    def test_the_last_one_stays_while_it_is_needed(self, is_required, client, ann):
        device = with_totp_device(ann)
        with_backup_codes(ann)
        User.objects.update(two_factor_enabled=not is_required, two_factor_required=is_required)
        sign_in(client, ann, device=device)
        give_proof(client, "factors", show_totp_code(ann), "totp")

        page = read(client.post(f"/accounts/security/totp/{device.pk}/remove/", follow=True))

        assert "That is your last way to sign in with a second factor." in page
        assert TotpDevice.objects.exists()
        assert BackupCodeDevice.objects.exists()

    @pytest.mark.requirement("BKP-03")
    def test_backup_codes_go_with_the_last_one(self, client, ann):
        """Codes on a forgotten paper do not wake up with the next factor."""
        device = with_totp_device(ann)
        code = with_backup_codes(ann)[0]
        User.objects.update(two_factor_enabled=False)
        sign_in(client, ann, device=device)
        give_proof(client, "factors", show_totp_code(ann), "totp")
        client.post(f"/accounts/security/totp/{device.pk}/remove/")

        with_totp(ann, two_factor_enabled=True)

        other = Client()
        give_password(other)
        give_code(other, code, "backup_code")
        assert not is_signed_in(other)

    @pytest.mark.requirement("API-04")
    def test_somebody_else_s_cannot_be_removed(self, client, ann):
        device = with_totp_device(make_person("bob@example.com", "+12025550177"))
        sign_in(client, ann, device=with_totp_device(ann))
        give_proof(client, "factors", show_totp_code(ann), "totp")

        pages = [read(client.post(f"/accounts/security/totp/{pk}/remove/", follow=True)) for pk in (device.pk, 987654)]

        assert all("There is nothing here by that id." in page for page in pages)
        assert TotpDevice.objects.filter(pk=device.pk).exists()


class TestAdding:
    @pytest.mark.requirement("MFA-07", "REC-03", "SES-01", "SES-09")
    def test_is_told_ends_the_other_sessions_and_changes_the_key(
        self, client, ann, read_code, django_capture_on_commit_callbacks
    ):
        sign_in(client, ann)
        other = sign_in(Client(), ann)
        KnownBrowser.objects.create(user=ann, key="-", trusted_until=timezone.now() + timezone.timedelta(1))
        ask_for_proof(client, "factors")
        give_proof(client, "factors", read_code())
        key = client.session.session_key

        with django_capture_on_commit_callbacks(execute=True):
            assert client.post("/accounts/security/phone/")["Location"] == SECURITY

        assert [message.subject for message in mail.outbox] == [
            "A new way to sign in to your SmartFin account",
            "The second factor of your SmartFin account is on",
        ]
        assert client.session.session_key != key
        assert client.get(SECURITY).wsgi_request.user.is_verified()
        assert not is_signed_in(other)
        assert not KnownBrowser.objects.exclude(trusted_until=None).exists()

    @pytest.mark.requirement("THR-02")
    def test_one_set_up_anew_ends_the_state_of_codes_switched_off(self, client, ann, read_code):
        ann.factor_budget = FactorBudget.objects.create(user=ann, failures=100)
        sign_in(client, ann)
        session = client.session
        session["fresh_proofs"] = {"factors": int(timezone.now().timestamp())}  # by a passkey: it is never switched off
        session.save()
        client.get("/accounts/security/totp/")

        client.post("/accounts/security/totp/", {"code": show_totp_code(ann)})

        assert FactorBudget.find(ann).failures == 0
