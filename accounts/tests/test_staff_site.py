"""The admin site: for staff whom a second factor has proven."""

import pytest
from django.core.management import call_command

from accounts.models import User
from accounts.tests.people import PASSWORD, show_totp_code, sign_in, sign_in_staff, with_totp
from accounts.tests.steps import CONFIRM, LOGIN, give_proof

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("MFA-02")
class TestStaff:
    def test_a_fresh_superuser_is_led_to_enrolling_and_not_to_the_index(self, client, monkeypatch):
        monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
        call_command("createsuperuser", interactive=False, email="root@example.com", verbosity=0)

        answer = client.post(LOGIN, {"email": "root@example.com", "password": PASSWORD, "next": "/admin/"}, follow=True)

        assert answer.request["PATH_INFO"] == "/accounts/security/two-factor/"
        for address in ("/admin/", "/admin/accounts/user/", "/admin/accounts/user/add/", "/"):
            answer = client.get(address, follow=True)
            assert answer.request["PATH_INFO"] == "/accounts/security/two-factor/", address
        answer = client.get("/api/approvals/00000000-0000-4000-8000-000000000000")
        assert answer.status_code in {403, 404}

        client.get("/accounts/security/totp/")
        client.post("/accounts/security/totp/", {"code": show_totp_code(User.objects.get())})
        assert client.get("/admin/").status_code == 200

    def test_a_password_alone_opens_no_page_of_the_admin(self, client, admin_user):
        with_totp(admin_user)
        sign_in(client, admin_user)

        for address in ("/admin/", "/admin/accounts/user/", "/admin/jsi18n/", "/admin/r/1/1/"):
            answer = client.get(address)
            assert (answer.status_code, "login" in answer["Location"]) == (302, True), address
        answer = client.get("/admin/", follow=True)
        assert answer.request["PATH_INFO"] == CONFIRM

        give_proof(client, "staff", show_totp_code(admin_user), "totp")
        assert client.get("/admin/").status_code == 200

    def test_who_is_made_staff_is_not_let_in_by_the_session_they_have(self, client, ann):
        sign_in(client, ann)
        User.objects.update(is_staff=True, is_superuser=True)

        assert client.get("/admin/", follow=True).request["PATH_INFO"] == "/accounts/security/two-factor/"

    @pytest.mark.requirement("MFA-01", "REC-07")
    def test_the_admin_s_own_change_of_password_is_ours(self, admin_client, admin_user):
        fields = {"old_password": PASSWORD, "new_password1": "another-good-one", "new_password2": "another-good-one"}
        for answer in (
            admin_client.get("/admin/password_change/"),
            admin_client.post("/admin/password_change/", fields),
        ):
            assert answer["Location"] == "/accounts/security/password/"

        admin_user.refresh_from_db()
        assert admin_user.check_password(PASSWORD)

    def test_none_opens_it_to_a_password_and_a_check_says_so(self, client, admin_user, settings):
        settings.OTP_REQUIRE_2FA_FOR = "none"
        sign_in(client, admin_user)
        assert client.get("/admin/").status_code == 200

    def test_proven_staff_get_in(self, client, admin_user):
        sign_in_staff(client, admin_user)
        assert client.get("/admin/").status_code == 200
