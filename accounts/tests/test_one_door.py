"""Nobody is signed in but through one function, and no page answers strangers but those named here."""

import ast
import re
from pathlib import Path

import pytest
from django.urls import URLPattern, get_resolver

from accounts.tests.people import sign_in

BASE_DIR = Path(__file__).resolve().parents[2]
# Everything that can make somebody `request.user`, by the names that Django gives it.
WAYS_IN = {"login", "alogin", "force_login", "LoginView"}
OPEN = {
    "/",
    "/accounts/login/",
    "/accounts/logout/done/",
    "/accounts/password-reset/",
    "/accounts/password-reset/done/",
    "/accounts/register/",
    "/accounts/register/done/",
    "/accounts/session/",
    "/api/",
    "/api/docs",
    "/api/schema",
    "/api/session",
    "/sandbox/",
    "/sandbox/control",
    "/sandbox/messages.json",
    "/sandbox/requests.json",
}


def find_sources():
    for package in ("smartfin", "accounts", "otp"):
        for path in (BASE_DIR / package).rglob("*.py"):
            if "tests" not in path.parts:
                yield path.relative_to(BASE_DIR).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def find_imports(tree):
    """Find what a module takes from django.contrib.auth, however it is named afterwards."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.contrib.auth"):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "django.contrib":
            yield from (f"django.contrib.{alias.name}" for alias in node.names if alias.name == "auth")


def find_calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield getattr(node.func, "attr", getattr(node.func, "id", ""))


def find_addresses(patterns, prefix="/"):
    """Give one address for each view, with a 1 wherever the address has a variable part."""
    for entry in patterns:
        part = str(entry.pattern)
        part = re.sub(r"\(\?P<\w+>(?:[^()]|\([^()]*\))*\)|<[^>]+>", "1", part)
        part = part.removeprefix("^").replace("/?", "").replace(r"\Z", "").removesuffix("$")
        if isinstance(entry, URLPattern):
            yield prefix + part
        else:
            yield from find_addresses(entry.url_patterns, prefix + part)


@pytest.mark.requirement("MFA-01")
class TestDoor:
    def test_one_module_takes_django_s_login_and_calls_it_once(self):
        takers = {path for path, tree in find_sources() if WAYS_IN.intersection(find_imports(tree))}
        calls = [(path, name) for path, tree in find_sources() for name in find_calls(tree) if name in WAYS_IN]

        assert takers == {"accounts/flows/login.py"}
        assert calls == [("accounts/flows/login.py", "login")]

    def test_no_module_takes_the_whole_of_django_s_auth(self):
        for path, tree in find_sources():
            assert "django.contrib.auth" not in set(find_imports(tree)), path

    def test_nobody_writes_the_session_s_person(self):
        for path in (BASE_DIR / name for name, _ in find_sources()):
            assert "_auth_user_id" not in path.read_text(encoding="utf-8"), path
            assert not re.search(r"\bSESSION_KEY", path.read_text(encoding="utf-8")), path

    @pytest.mark.parametrize(
        "source", ["from django.contrib.auth import login as l", "from django.contrib import auth"]
    )
    def test_the_search_finds_what_it_should(self, source):
        assert set(find_imports(ast.parse(source))) & {*WAYS_IN, "django.contrib.auth"}


@pytest.mark.django_db
class TestAddresses:
    @pytest.mark.requirement("API-01", "MFA-01")
    def test_strangers_are_answered_by_these_alone(self, client):
        client.raise_request_exception = False
        addresses = set(find_addresses(get_resolver().url_patterns))

        statuses = {address: client.get(address).status_code for address in addresses}
        answered = {address for address, status in statuses.items() if 200 <= status < 300}

        assert len(addresses) > 50
        assert max(statuses.values()) < 500
        assert answered == OPEN

    @pytest.mark.requirement("MFA-01")
    @pytest.mark.parametrize("method", ["get", "post"])
    def test_the_admin_site_has_no_door_of_its_own(self, method, client, django_user_model):
        django_user_model.objects.create_superuser("root@example.com", "securepass123")
        fields = {"username": "root@example.com", "email": "root@example.com", "password": "securepass123"}

        answer = getattr(client, method)("/admin/login/?next=/admin/otp/", fields)

        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/?next=%2Fadmin%2F")
        assert "_auth_user_id" not in client.session

    def test_a_closed_page_leads_to_the_door_and_back(self, client):
        answer = client.get("/admin/otp/", follow=True)

        assert [address for address, _ in answer.redirect_chain] == [
            "/admin/login/?next=/admin/otp/",
            "/accounts/login/?next=%2Fadmin%2Fotp%2F",
        ]
        assert answer.context["next_url"] == "/admin/otp/"

    def test_signing_in_for_a_page_that_is_not_theirs_ends_at_the_form_and_not_in_a_circle(
        self, client, django_user_model
    ):
        sign_in(client, django_user_model.objects.create_user("ann@example.com"))

        answer = client.get("/admin/", follow=True)

        assert answer.status_code == 200
        assert "You are signed in as ann@example.com" in answer.content.decode()
