"""Signing in and out over pages: the door, its limits, and what it leaves behind."""

import ast
import inspect
import logging
import re
from html import unescape
from urllib.parse import urlencode

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from accounts.models import UserSession
from accounts.tests.people import PASSWORD
from accounts.urls import urlpatterns
from accounts.views import login, password_reset, registration
from otp.exceptions import LimitsUnavailable
from otp.limits import reset_volume_counters

pytestmark = pytest.mark.django_db
LOGIN, LOGOUT = "/accounts/login/", "/accounts/logout/"
RIGHT = {"email": "ann@example.com", "password": PASSWORD}
WRONG = {**RIGHT, "password": "not-the-password"}


def read(answer):
    """Give the page without what differs at each load."""
    return re.sub(r'(?<=csrfmiddlewaretoken" value=")\w+', "", unescape(answer.content.decode()))


class TestLogin:
    @pytest.mark.parametrize("email", ["ann@example.com", " Ann@EXAMPLE.com "])
    def test_signs_in_and_leads_on(self, email, client, ann):
        answer = client.post(LOGIN, {**RIGHT, "email": email, "next": "/api/docs"})

        assert (answer.status_code, answer["Location"]) == (302, "/api/docs")
        assert client.session["_auth_user_id"] == str(ann.pk)
        assert abs(client.session["signed_in"]["at"] - ann.date_joined.timestamp()) < 60
        assert [entry["method"] for entry in client.session["signed_in"]["methods"]] == ["password"]
        ann.refresh_from_db()
        assert ann.last_login is not None

    def test_the_frame_shows_who_is_signed_in(self, client, ann):
        assert ">Register</a>" in read(client.get("/"))

        client.post(LOGIN, RIGHT)

        page = client.get("/")
        assert "ann@example.com" in read(page)
        assert '<form action="/accounts/logout/" method="post">' in read(page)
        assert "no-store" in page["Cache-Control"]

    @pytest.mark.requirement("ENU-01", "ENU-05")
    @pytest.mark.parametrize("state", ["unknown", "inactive", "wrong password", "no password", "second factor"])
    def test_refusals_are_all_alike(self, state, client, ann):
        expected = Client().post(LOGIN, {**WRONG, "email": "x@example.com"})
        fields = {**RIGHT, "email": "x@example.com" if state == "unknown" else "ann@example.com"}
        ann.is_active = state != "inactive"
        ann.two_factor_enabled = state == "second factor"
        if state == "no password":
            ann.set_unusable_password()
        if state in {"wrong password", "second factor"}:
            fields = WRONG
        ann.save()

        answer = client.post(LOGIN, fields)

        assert answer.status_code == expected.status_code == 200
        assert read(answer).replace("ann@example.com", "x@example.com") == read(expected)
        assert "E-mail or password isn’t right" in read(answer)
        assert answer.headers.keys() == expected.headers.keys()
        assert "_auth_user_id" not in client.session

    @pytest.mark.requirement("ENU-02")
    @pytest.mark.parametrize("email", ["ann@example.com", "unknown@example.com"])
    @pytest.mark.parametrize("is_active", [True, False])
    def test_one_password_is_hashed_for_everybody(self, email, is_active, client, ann, monkeypatch):
        get_user_model().objects.update(is_active=is_active)
        hashed = []
        encode = MD5PasswordHasher.encode
        monkeypatch.setattr(MD5PasswordHasher, "encode", lambda self, *args: hashed.append(1) or encode(self, *args))

        client.post(LOGIN, {"email": email, "password": "not-the-password"})

        assert len(hashed) == 1

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [({"email": ""}, "Enter your email address."), ({"password": ""}, "Enter your password.")],
    )
    def test_says_what_is_missing(self, fields, sentence, client, ann):
        page = read(client.post(LOGIN, {**RIGHT, **fields}))

        assert page.count(sentence) == 2
        assert PASSWORD not in page

    def test_a_nul_or_a_novel_is_no_fault_of_ours(self, client, ann):
        for fields in ({"email": "a\0b@example.com"}, {"password": "a\0b"}, {"password": "x" * 5000}):
            assert client.post(LOGIN, {**RIGHT, **fields}).status_code == 200

    @pytest.mark.requirement("AUD-06")
    def test_what_was_typed_reaches_no_log_and_no_counter(self, client, ann, caplog, monkeypatch):
        names = []

        class Recorder:
            def take(self, buckets):
                names.extend(bucket.name for bucket in buckets)

        monkeypatch.setattr("accounts.limits.get_counters", Recorder)
        with caplog.at_level(logging.DEBUG):
            client.post(LOGIN, {"email": "my-secret-password@x.yz", "password": "other-secret"})

        assert [name.partition(":")[0] for name in names] == ["login_address", "login_account"]
        said = caplog.text + " ".join(names)
        assert "my-secret-password" not in said
        assert "other-secret" not in said

    @pytest.mark.requirement("AUD-06")
    @pytest.mark.parametrize("journey", [login, password_reset, registration])
    def test_error_reports_hold_nothing_that_was_posted(self, journey):
        # Every page goes through the one decorator that hides it.
        for node in ast.parse(inspect.getsource(journey)).body:
            if isinstance(node, ast.FunctionDef) and node.name in {entry.callback.__name__ for entry in urlpatterns}:
                assert getattr(node.decorator_list[0], "id", "") == "open_page", node.name


class TestSession:
    @pytest.mark.requirement("SES-01", "SES-03")
    def test_nothing_of_the_anonymous_session_survives(self, client, ann):
        session = client.session
        session.update({"registration": {"token": "x"}, "anything": 1})
        session.save()
        before = session.session_key

        client.post(LOGIN, RIGHT)

        assert client.session.session_key != before
        assert set(client.session.keys()) == {"_auth_user_id", "_auth_user_backend", "_auth_user_hash", "signed_in"}
        assert not UserSession.objects.filter(session_key=before).exists()

    @pytest.mark.requirement("SES-01")
    def test_the_same_person_again_gets_another_key_and_the_old_one_is_dead(self, client, ann):
        client.post(LOGIN, RIGHT)
        before = client.session.session_key
        thief = Client()
        thief.cookies["sessionid"] = before

        client.post(LOGIN, RIGHT)

        assert client.session.session_key != before
        assert thief.get("/api/session").json()["authenticated"] is False

    @pytest.mark.requirement("SES-03")
    def test_another_person_takes_nothing_over(self, client, ann):
        get_user_model().objects.create_user("bob@example.com", PASSWORD)
        client.post(LOGIN, RIGHT)
        session = client.session
        session["proof"] = "of ann"
        session.save()

        client.post(LOGIN, {**RIGHT, "email": "bob@example.com"})

        assert "proof" not in client.session
        assert client.get("/api/me").json()["email"] == "bob@example.com"

    @pytest.mark.requirement("SES-08")
    def test_a_made_up_key_is_never_adopted(self, client, ann):
        client.cookies["sessionid"] = "a" * 32

        client.post(LOGIN, RIGHT)

        assert client.cookies["sessionid"].value != "a" * 32
        cookie = client.cookies["sessionid"]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")

    @pytest.mark.requirement("SES-05")
    @pytest.mark.parametrize("end", ["switched off", "deleted", "password"])
    def test_ends_with_the_account_or_its_password(self, end, client, ann):
        client.post(LOGIN, RIGHT)
        assert client.get("/api/me").status_code == 200
        if end == "deleted":
            ann.delete()
        else:
            ann.is_active = end != "switched off"
            if end == "password":
                ann.set_password("another-good-one")
            ann.save()

        assert client.get("/api/me").status_code == 403


class TestLogout:
    @pytest.mark.requirement("SES-04")
    @pytest.mark.parametrize("address", [LOGOUT, "/admin/logout/"])
    def test_ends_the_session_on_the_server_and_in_the_browser(self, address, client, ann):
        client.post(LOGIN, RIGHT)
        key = client.session.session_key

        answer = client.post(address)

        assert answer["Location"] == "/accounts/logout/done/"
        assert answer["Clear-Site-Data"] == '"storage"'
        assert "no-store" in answer["Cache-Control"]
        thief = Client()
        thief.cookies["sessionid"] = key
        assert thief.get("/api/me").status_code == 403

    @pytest.mark.requirement("SES-04")
    @pytest.mark.parametrize("address", [LOGOUT, "/admin/logout/"])
    def test_a_link_does_nothing(self, address, client, ann):
        client.post(LOGIN, RIGHT)

        assert client.get(address).status_code == 405
        assert client.get("/api/me").status_code == 200

    def test_does_no_harm_where_nobody_is_signed_in(self, client):
        assert client.post(LOGOUT, follow=True).status_code == 200


class TestNext:
    @pytest.mark.requirement("CFG-06")
    @pytest.mark.parametrize(
        "target",
        [
            "https://evil.example",
            "http://evil.example",
            "//evil.example",
            "///evil.example",
            "////evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "\t//evil.example",
            " //evil.example",
            "/\n/evil.example",
            "\x00//evil.example",
            "https:evil.example",
            "https:/evil.example",
            "http:///evil.example",
            "https://testserver@evil.example",
            "https://testserver.evil.example",
            "http://testserver/",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "ftp://testserver/",
            "evil.example",
            "home",
        ],
    )
    @pytest.mark.parametrize("place", ["field", "query"])
    def test_never_leads_off_the_site(self, target, place, client, ann):
        data = {**RIGHT, "next": target} if place == "field" else RIGHT
        address = LOGIN if place == "field" else f"{LOGIN}?{urlencode({'next': target})}"

        assert client.post(address, data)["Location"] == "/"
        assert client.get("/admin/login/", {"next": target})["Location"] == "/accounts/login/?next=%2Fadmin%2F"
        assert 'name="next" value="/"' in read(client.get(LOGIN, {"next": target}))

    def test_leads_to_a_path_of_the_site(self, client, ann):
        page = read(client.get(LOGIN, {"next": "/admin/otp/?q=1&p=2"}))
        assert 'name="next" value="/admin/otp/?q=1&p=2"' in page

        assert client.post(LOGIN, {**RIGHT, "next": "/admin/otp/?q=1&p=2"})["Location"] == "/admin/otp/?q=1&p=2"


class TestLimits:
    @pytest.mark.requirement("THR-09", "THR-16")
    def test_one_account_from_many_networks(self, client, ann, post, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 5
        answers = [client.post(LOGIN, WRONG, REMOTE_ADDR=f"192.0.2.{n}") for n in range(6)]

        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert "Too many failed sign-ins with that email" in read(answers[-1])
        assert re.search(r"Try again in \d+ (minutes|seconds)\.", read(answers[-1]))
        # The right password, another spelling and the API are held back as well: one budget for all.
        assert client.post(LOGIN, RIGHT).status_code == 429
        assert client.post(LOGIN, {**RIGHT, "email": "ANN@Example.com"}).status_code == 429
        assert post("login", **RIGHT).status_code == 429
        assert post("login", **{**RIGHT, "email": " ANN@Example.com"}).status_code == 429
        assert int(answers[-1]["Retry-After"]) > 0

    @pytest.mark.requirement("THR-16")
    def test_many_accounts_from_one_network(self, client, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ADDRESS_PER_HOUR = 5
        statuses = [client.post(LOGIN, {**WRONG, "email": f"a{n}@example.com"}).status_code for n in range(6)]

        assert statuses == [200] * 5 + [429]
        assert client.post(LOGIN, RIGHT).status_code == 429
        assert client.post(LOGIN, RIGHT, REMOTE_ADDR="192.0.2.9").status_code == 302

    @pytest.mark.requirement("ENU-01")
    def test_an_address_without_account_fares_the_same(self, client, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 2
        pages = []
        for email in ("ann@example.com", "nobody@example.com"):
            pages.append([read(client.post(LOGIN, {**WRONG, "email": email})).replace(email, "") for _ in range(3)])

        assert pages[0] == pages[1]

    @pytest.mark.requirement("THR-16")
    def test_success_does_not_count_and_does_not_clear_what_failed(self, client, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ADDRESS_PER_HOUR = 3
        for _ in range(5):
            assert client.post(LOGIN, RIGHT).status_code == 302
        for n in range(3):
            assert client.post(LOGIN, {**WRONG, "email": f"a{n}@example.com"}).status_code == 200
            if n < 2:
                assert client.post(LOGIN, RIGHT).status_code == 302

        assert client.post(LOGIN, RIGHT).status_code == 429

    def test_an_hour_later_the_owner_is_let_in(self, client, ann, settings):
        settings.LOGIN_MAX_FAILURES_PER_ACCOUNT_PER_HOUR = 1
        client.post(LOGIN, WRONG)
        assert client.post(LOGIN, RIGHT).status_code == 429
        reset_volume_counters()

        assert client.post(LOGIN, RIGHT).status_code == 302

    def test_counters_down_means_nobody_gets_in(self, client, ann, post, monkeypatch):
        class Down:
            def take(self, buckets):
                raise LimitsUnavailable

        monkeypatch.setattr("accounts.limits.get_counters", Down)

        answer = client.post(LOGIN, RIGHT)

        assert answer.status_code == 503
        assert "Signing in isn’t possible right now." in read(answer)
        assert post("login", **RIGHT).json()["code"] == "provider_unavailable"
        assert "_auth_user_id" not in client.session
