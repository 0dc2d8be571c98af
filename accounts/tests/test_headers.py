"""What browsers are told, on every address there is, whatever it answers."""

import re

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import get_resolver

from accounts.tests.people import sign_in_staff
from accounts.tests.test_one_door import find_addresses

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CFG-03")]
HOST = "smartfin.example"


@pytest.fixture
def as_in_production(settings):
    settings.ALLOWED_HOSTS = [HOST]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 365 * 24 * 3600
    settings.DEBUG = False


def hold_to(answer, address):
    """Hold one answer to the requirement."""
    assert answer["X-Content-Type-Options"] == "nosniff", address
    assert answer["Referrer-Policy"] in {"same-origin", "no-referrer"}, address
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin", address
    seconds = int(re.search(r"max-age=(\d+)", answer["Strict-Transport-Security"])[1])
    assert seconds >= 31_536_000, address
    assert "includeSubDomains" in answer["Strict-Transport-Security"], address
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    for directive in ("object-src", "base-uri", "frame-ancestors"):
        assert policy[directive] == "'none'", (address, directive)
    assert policy["default-src"] == "'self'", address
    assert "unsafe" not in answer["Content-Security-Policy"], address
    assert "*" not in answer["Content-Security-Policy"], address


@pytest.mark.parametrize("who", ["nobody", "staff"])
def test_every_address_tells_them(who, as_in_production, admin_user):
    client = Client(raise_request_exception=False, headers={"host": HOST})
    if who == "staff":
        sign_in_staff(client, admin_user)
    addresses = sorted(set(find_addresses(get_resolver().url_patterns)) - {"/accounts/logout/", "/admin/logout/"})
    wrong = ["/nothing/", "/api/nothing", "/accounts/nothing/", "/admin/nothing/"]

    seen = set()
    for address in (*addresses, *wrong):
        answer = client.get(address, secure=True)
        hold_to(answer, address)
        seen.add(answer.status_code)

    assert {200, 302, 404, 405} <= seen
    assert max(seen) < 500


@pytest.mark.parametrize("path", ["/", "/api/session", "/accounts/login/"])
def test_faults_of_ours_tell_them_too(path, as_in_production, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr("smartfin.views.render", fail)
    monkeypatch.setattr("accounts.flows.login.describe_session", fail)
    monkeypatch.setattr("accounts.views.pages.render", fail)
    client = Client(raise_request_exception=False, headers={"host": HOST})

    answer = client.get(path, secure=True)

    assert answer.status_code == 500
    hold_to(answer, path)
    assert "RuntimeError" not in answer.content.decode()


@pytest.mark.parametrize("method", ["post", "put", "options", "trace"])
def test_other_methods_tell_them_too(method, as_in_production):
    client = Client(raise_request_exception=False, headers={"host": HOST})
    for address in ("/", "/api/send-otp", "/api/login", "/accounts/login/"):
        hold_to(getattr(client, method)(address, secure=True), address)


@pytest.mark.requirement("CFG-04", "REC-13")
@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"host": HOST, "x-forwarded-host": "evil.example"}])
def test_another_host_is_refused_or_ignored_and_never_repeated(headers, as_in_production, ann):
    client = Client(raise_request_exception=False, headers=headers)

    for address in ("/", "/accounts/login/", "/accounts/security/", "/api/session"):
        answer = client.get(address, secure=True)
        assert answer.status_code == (400 if headers["host"] == "evil.example" else answer.status_code), address
        assert "evil.example" not in answer.content.decode() + str(answer.headers), address


@pytest.mark.parametrize("path", ["smartfin/site.css", "otp/api.js", "nothing.js"])
def test_static_files_tell_them_too(path, as_in_production):
    answer = Client(headers={"host": HOST}).get(f"/static/{path}", secure=True)

    hold_to(answer, path)
    if answer.streaming:
        assert b"".join(answer)


def test_the_settings_of_the_crawl_are_those_of_production():
    assert django_settings.SECURE_HSTS_INCLUDE_SUBDOMAINS
    assert django_settings.SECURE_HSTS_PRELOAD
