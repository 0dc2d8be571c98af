"""Sessions: how long they last, who sees and ends them, and what no cache and no cookie keeps of them."""

import os
import subprocess
import sys

import pytest
import time_machine
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.models import KnownBrowser, UserSession
from accounts.tests.people import make_person, show_totp_code, sign_in, with_phone, with_totp, with_totp_device
from accounts.tests.steps import SECURITY, ask_for_proof, give_code, give_password, give_proof, is_signed_in, read

pytestmark = pytest.mark.django_db
END = "/accounts/security/sessions/end/"


def later(**delta):
    return time_machine.travel(timezone.now() + timezone.timedelta(**delta))


def name_end(session):
    return f"/accounts/security/sessions/{session.handle}/end/"


class TestTime:
    @pytest.mark.requirement("SES-06")
    def test_ends_after_half_an_hour_without_use_on_the_server(self, client, ann):
        sign_in(client, ann)
        with later(minutes=29):
            assert client.get("/accounts/security/").status_code == 200
        with later(minutes=58):
            assert client.get("/accounts/security/").status_code == 200

        with later(minutes=58 + 31):
            assert client.get("/accounts/security/")["Location"].startswith("/accounts/login/")
        # The row is gone: the clock set back brings nothing back.
        assert client.get("/api/me").status_code == 403
        assert not UserSession.objects.exclude(user=None).exists()

    @pytest.mark.requirement("SES-06")
    def test_what_pages_ask_by_themselves_is_no_use(self, client, ann):
        sign_in(client, ann)
        for minutes in range(5, 30, 5):
            with later(minutes=minutes):
                assert client.get("/api/session").json()["authenticated"]

        with later(minutes=31):
            assert not client.get("/api/session").json()["authenticated"]

    @pytest.mark.requirement("SES-06")
    def test_ends_twelve_hours_after_signing_in_however_it_is_used(self, client, ann):
        sign_in(client, ann)
        for minutes in range(20, 12 * 60, 20):
            with later(minutes=minutes):
                assert client.get("/api/me").status_code == 200, minutes

        with later(minutes=12 * 60 + 1):
            assert client.get("/api/me").status_code == 403

    @pytest.mark.requirement("SES-03", "MFA-01")
    def test_one_that_did_not_come_through_the_door_is_none(self, client, ann):
        client.force_login(ann)

        assert client.get("/api/me").status_code == 403
        assert not is_signed_in(client)


class TestOfAPerson:
    @pytest.mark.requirement("SES-07")
    def test_are_listed_for_them_alone_and_without_their_keys(self, client, ann):
        sign_in(client, ann)
        sign_in(Client(), make_person("bob@example.com", "+12025550177"))
        other = sign_in(Client(), ann)

        page = client.get(SECURITY)

        assert [session.user_id for session in page.context["sessions"]] == [ann.pk, ann.pk]
        for key in (client.session.session_key, other.session.session_key):
            assert key not in read(page)

    @pytest.mark.requirement("SES-07")
    def test_others_are_ended_after_a_fresh_proof_and_this_one_goes_on(self, client, ann):
        bob = sign_in(Client(), make_person("bob@example.com", "+12025550177"))
        sign_in(client, ann, device=with_totp_device(ann))
        others = [sign_in(Client(), ann) for _ in range(2)]
        client.post(END)
        assert all(is_signed_in(other) for other in others)
        give_proof(client, "sessions", show_totp_code(ann), "totp")

        page = read(client.post(END, follow=True))

        assert "Sessions ended: 2." in page
        assert not any(is_signed_in(other) for other in others)
        assert is_signed_in(client)
        assert is_signed_in(bob)
        assert ann.security_events.get(kind="session_ended").detail == "2"

    @pytest.mark.requirement("SES-07")
    def test_one_is_ended_after_a_fresh_proof_and_the_rest_go_on(self, client, ann):
        sign_in(client, ann, device=with_totp_device(ann))
        lost, kept = (sign_in(Client(), ann) for _ in range(2))
        KnownBrowser.objects.create(user=ann, key="x", trusted_until=timezone.now() + timezone.timedelta(days=1))
        address = name_end(UserSession.objects.get(pk=lost.session.session_key))
        assert f'href="{address}"' in client.get(SECURITY).content.decode()
        assert client.post(address)["Location"].startswith("/accounts/confirm/")
        assert is_signed_in(lost)
        give_proof(client, "sessions", show_totp_code(ann), "totp")
        assert "Chrome on Linux from 127.0.0.1" in read(client.get(address))
        assert is_signed_in(lost)

        page = read(client.post(address, follow=True))

        assert "It is signed out." in page
        assert [is_signed_in(browser) for browser in (client, lost, kept)] == [True, False, True]
        assert not KnownBrowser.objects.exclude(trusted_until=None).exists()
        assert ann.security_events.filter(kind="session_ended").count() == 1
        assert "has ended already" in read(client.post(address, follow=True))

    @pytest.mark.requirement("SES-07")
    def test_one_of_somebody_else_or_one_s_own_is_none_to_end(self, client, ann):
        bob = make_person("bob@example.com", "+12025550177")
        theirs = sign_in(Client(), bob)
        sign_in(client, ann, device=with_totp_device(ann))
        give_proof(client, "sessions", show_totp_code(ann), "totp")

        for browser in (theirs, client):
            address = name_end(UserSession.objects.get(pk=browser.session.session_key))
            for answer in (client.get(address, follow=True), client.post(address, follow=True)):
                assert "has ended already" in read(answer)
            assert is_signed_in(browser)

    @pytest.mark.requirement("SES-05")
    @pytest.mark.parametrize("end", ["switched off", "deleted"])
    def test_end_with_the_account_on_the_next_request(self, end, ann):
        with_totp(ann)
        clients = [sign_in(Client(), ann) for _ in range(2)]
        if end == "deleted":
            ann.delete()
        else:
            ann.is_active = False
            ann.save()

        for client in clients:
            assert client.get(SECURITY)["Location"].startswith("/accounts/login/")
            assert client.get("/api/me").status_code == 403
            answer = client.patch("/api/me/two-factor", {"enabled": False}, content_type="application/json")
            assert answer.status_code == 403
            assert ask_for_proof(client, "password")["Location"].startswith("/accounts/login/")

    @pytest.mark.requirement("OTP-11", "SES-04")
    def test_signing_out_ends_it_and_every_open_code(self, client, ann, read_code):
        with_phone(ann)
        sign_in(client, ann)
        other = sign_in(Client(), ann)
        ask_for_proof(other, "password")
        code = read_code()
        key = client.session.session_key

        answer = client.post("/accounts/logout/")

        assert answer["Clear-Site-Data"] == '"storage"'
        assert not UserSession.objects.filter(session_key=key).exists()
        assert "no longer valid" in read(give_proof(other, "password", code))


class TestCaches:
    @pytest.mark.requirement("SES-10")
    def test_no_page_of_an_account_and_no_call_of_a_session_is_kept(self, client, ann):
        with_totp(ann)
        closed = [entry for entry in find_pages() if "1" not in entry]
        for who in ("nobody", "pending", "ann"):
            if who == "pending":
                give_password(client)
            if who == "ann":
                sign_in(client, ann)
            for address in (*closed, "/api/session", "/api/me", "/api/login", "/"):
                answer = client.get(address)
                if answer.status_code in {404, 405} or (answer.status_code == 302 and who != "ann"):
                    continue  # nothing of anybody is in a redirect to the door
                assert "no-store" in answer.get("Cache-Control", ""), (who, address)

    @pytest.mark.requirement("SES-10")
    def test_nothing_is_cached_between_two_people(self):
        assert not [name for name in django_settings.MIDDLEWARE if "cache" in name.lower()]


def find_pages():
    from django.urls import get_resolver

    from accounts.tests.test_one_door import find_addresses

    return sorted(
        address for address in find_addresses(get_resolver().url_patterns)
        if address.startswith("/accounts/") and not address.startswith("/accounts/passkey")
    )  # fmt: skip


class TestCookies:
    @pytest.mark.requirement("SES-08")
    def test_are_for_this_host_and_no_script(self):
        """As production sets them; the names are settled when the settings are read."""
        code = (
            "import django; django.setup()\n"
            "from django.conf import settings as s\n"
            "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.BROWSER_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
            " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE,"
            " s.SESSION_COOKIE_DOMAIN, s.SESSION_COOKIE_PATH)"
        )
        found = subprocess.run(
            [django_settings.BASE_DIR / "bin" / "with-production-values", sys.executable, "-c", code],
            env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "smartfin.settings"},
            cwd=django_settings.BASE_DIR, capture_output=True, text=True, check=True,
        )  # fmt: skip

        assert found.stdout.split() == [
            "__Host-sessionid", "__Host-csrftoken", "__Host-browser",
            "True", "True", "True", "True", "Lax", "None", "/",
        ]  # fmt: skip

    @pytest.mark.requirement("SES-08")
    def test_hold_nothing_about_anybody(self, client, ann):
        with_totp(ann)
        give_password(client)
        give_code(client, show_totp_code(ann), "totp", trust_browser="on")

        assert set(client.cookies) == {"sessionid", "csrftoken", "browser"} & set(client.cookies)
        for name, cookie in client.cookies.items():
            assert cookie["httponly"], name
            assert cookie["samesite"] == "Lax", name
            assert (cookie["path"], cookie["domain"]) == ("/", ""), name
            assert cookie.value.replace("-", "").replace("_", "").isalnum(), name
            assert ann.email not in cookie.value

    @pytest.mark.requirement("SES-08")
    @pytest.mark.parametrize("path", ["/api/session", "/accounts/login/", "/"])
    def test_a_made_up_key_is_never_adopted(self, path, client, ann):
        client.cookies["sessionid"] = "a" * 32

        client.get(path)
        give_password(client)

        assert client.cookies["sessionid"].value != "a" * 32
        assert not UserSession.objects.filter(session_key="a" * 32).exists()
