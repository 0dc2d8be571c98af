"""People and what happened to them in the admin site: what it shows, to whom, and that nothing can be typed in."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts.encryption import decrypt
from accounts.factors.totp import get_secret_text
from accounts.models import (
    BackupCode,
    FactorBudget,
    KnownBrowser,
    PhoneChange,
    SecurityEvent,
    TotpDevice,
    User,
    UserSession,
)
from accounts.models.event import EventKind
from accounts.tests.people import (
    NUMBER,
    PASSWORD,
    make_person,
    prove,
    sign_in,
    sign_in_staff,
    with_backup_codes,
    with_phone,
    with_totp,
)
from otp.client import Client as Caller

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"
EVENTS = "/admin/accounts/securityevent/"
CALLER = Caller("198.51.100.7", "Firefox")


def read(answer):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


@pytest.fixture
def bob(db):
    """Somebody with every factor, a session, and a block."""
    bob = with_totp(with_phone(make_person("bob@example.com", "+12025550188")))
    bob.plain_codes = with_backup_codes(bob)
    FactorBudget.objects.create(
        user=bob, failures=5, blocked_at=timezone.now(), blocked_until=timezone.now() + timedelta(minutes=5)
    )
    sign_in(Client(), bob)
    KnownBrowser.note(bob, "cookie", CALLER)
    PhoneChange.objects.create(user=bob, old_phone=NUMBER, new_phone=bob.phone)
    SecurityEvent.record(EventKind.FACTOR_BLOCKED, bob, CALLER)
    return bob


@pytest.fixture
def viewer(db):
    """Staff who may look at people and events, and at nothing else."""
    viewer = make_person("viewer@example.com", "+12025550151", is_staff=True)
    viewer.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "view_securityevent"]))
    return viewer


@pytest.fixture
def desk(viewer):
    return sign_in_staff(Client(), viewer)


class TestPerson:
    def test_the_page_shows_what_support_needs(self, desk, bob):
        page = read(desk.get(f"{PEOPLE}{bob.pk}/change/"))

        for text in (
            "bob@example.com",
            "+1 ••• ••• 0188",
            "Authenticator app SmartFin",
            "Codes to the phone +1 ••• ••• 0188",
            "10 backup codes left",
            "Chrome on Linux 127.0.0.1",
            "1 browser signed in with before",
            "Codes blocked after wrong ones the person 198.51.100.7",
        ):
            assert text in page
        assert (
            f'href="/admin/otp/verificationattempt/?user={bob.pk}"'
            in desk.get(f"{PEOPLE}{bob.pk}/change/").content.decode()
        )

    def test_the_list_shows_who_has_what(self, desk, bob, ann):
        rows = [read_row(row) for row in desk.get(PEOPLE).content.decode().split("<tr>")]

        assert any(
            "bob@example.com" in row and "codes to the phone, authenticator app, backup codes" in row for row in rows
        )
        assert any("bob@example.com" in row and "until" in row for row in rows)
        assert any("ann@example.com" in row and "authenticator app" not in row for row in rows)

    @pytest.mark.parametrize("path", ["", "{pk}/change/", "?q=bob"])
    def test_whole_numbers_are_for_those_with_the_right(self, path, desk, viewer, bob):
        page = desk.get(PEOPLE + path.format(pk=bob.pk)).content.decode()
        assert bob.phone not in page

        viewer.user_permissions.add(Permission.objects.get(codename="view_phone"))

        assert bob.phone in desk.get(PEOPLE + path.format(pk=bob.pk)).content.decode()

    def test_the_list_costs_as_many_statements_for_many_as_for_few(self, desk, bob, django_assert_max_num_queries):
        for number in range(10):
            with_phone(make_person(f"{number}@example.com", f"+1202555013{number}"))

        with django_assert_max_num_queries(12):
            assert "9@example.com" in desk.get(PEOPLE).content.decode()

    @pytest.mark.parametrize(
        ("typed", "is_found"),
        [("bob@example.com", True), ("BOB@", True), ("+1 202 555 0188", True), ("ob@example", False), ("0188", False)],
    )
    def test_is_found_by_address_or_whole_number(self, typed, is_found, desk, bob):
        assert (f"{PEOPLE}{bob.pk}/change/" in desk.get(PEOPLE, {"q": typed}).content.decode()) == is_found

    @pytest.mark.parametrize(
        "query", ["codes=blocked", "codes=failed", "two_factor_enabled__exact=1", "is_active__exact=1"]
    )
    def test_filters(self, query, desk, bob):
        assert "bob@example.com" in desk.get(f"{PEOPLE}?{query}").content.decode()

    @pytest.mark.requirement("REC-15")
    @pytest.mark.parametrize(
        "query", ["password__startswith=md5", "totpdevice__encrypted_secret__contains=a", "sessions__session_key__gt=a"]
    )
    def test_no_secret_can_be_read_out_by_filtering(self, query, admin_client, bob):
        assert admin_client.get(f"{PEOPLE}?{query}").status_code == 400

    @pytest.mark.requirement("REC-15", "MFA-03")
    def test_nothing_can_be_typed_in_by_anybody(self, admin_client, bob):
        kept = User.objects.filter(pk=bob.pk).values().get()
        fields = {
            "email": "eve@example.com",
            "phone": NUMBER,
            "phone_verified_at_0": "2026-01-01",
            "phone_verified_at_1": "00:00",
            "password": "x",
            "is_superuser": "on",
            "is_staff": "on",
            "is_active": "",
        }

        statuses = [
            admin_client.post(f"{PEOPLE}{bob.pk}/{path}", fields).status_code
            for path in ("change/", "delete/", "password/")
        ]

        assert statuses == [403, 403, 302]  # the last address is none
        assert User.objects.filter(pk=bob.pk).values().get() == kept

    def test_nobody_is_deleted_from_the_list(self, admin_client, bob):
        admin_client.post(PEOPLE, {"action": "delete_selected", "_selected_action": [bob.pk], "post": "yes"})

        assert User.objects.filter(pk=bob.pk).exists()

    def test_what_strangers_wrote_is_shown_inert(self, desk, bob):
        hostile = "<svg onload=alert(1)>"
        SecurityEvent.record(EventKind.SIGNED_IN, bob, Caller("198.51.100.7", hostile), detail=hostile, reason=hostile)
        UserSession.objects.filter(user=bob).update(user_agent=hostile)

        for path in (f"{PEOPLE}{bob.pk}/change/", EVENTS, f"{EVENTS}{SecurityEvent.objects.latest('pk').pk}/change/"):
            assert hostile not in desk.get(path).content.decode()


class TestEvents:
    def test_are_found_exactly(self, desk, bob, ann):
        SecurityEvent.record(EventKind.SIGNED_IN, ann, Caller("203.0.113.9"))

        for typed, found in [
            ("ann@example.com", {"ann"}),
            ("ANN@example.com ", {"ann"}),
            ("198.51.100.7", {"bob"}),
            ("203.0.113.9", {"ann"}),
            ("ann", set()),
            ("", {"ann", "bob"}),
        ]:
            events = desk.get(EVENTS, {"q": typed}).context["cl"].queryset
            assert {event.user.email.partition("@")[0] for event in events} == found, typed

    @pytest.mark.parametrize(
        ("query", "count"),
        [("kind__exact=factor_blocked", 1), ("kind__exact=signed_in", 0), ("by=staff", 0), ("by=person", 1)],
    )
    def test_filters(self, query, count, desk, bob):
        assert desk.get(f"{EVENTS}?{query}").context["cl"].queryset.count() == count

    def test_one_person_s(self, desk, bob, ann):
        SecurityEvent.record(EventKind.SIGNED_IN, ann, CALLER)

        (event,) = desk.get(f"{EVENTS}?user__id__exact={bob.pk}").context["cl"].queryset
        assert event.user == bob

    def test_forged_posts_of_a_superuser_change_nothing(self, admin_client, bob):
        event = SecurityEvent.objects.get()
        kept = SecurityEvent.objects.values().get()
        fields = {"kind": "signed_in", "user": bob.pk, "detail": "forged", "action": "delete_selected", "post": "yes"}
        fields["_selected_action"] = [event.pk]

        statuses = [
            admin_client.post(EVENTS + path, fields).status_code
            for path in ("add/", f"{event.pk}/change/", f"{event.pk}/delete/")
        ]
        admin_client.post(EVENTS, fields)

        assert statuses == [403, 403, 403]
        assert SecurityEvent.objects.values().get() == kept


@pytest.mark.requirement("REC-15", "CFG-09")
class TestSecrets:
    def test_no_page_of_the_admin_shows_what_somebody_signs_in_with(self, admin_client, bob):
        Group.objects.create(name="Support")
        secrets = list(find_secrets(bob))
        prove(admin_client)
        pages = crawl(admin_client)

        assert len(secrets) > 40
        assert {PEOPLE, EVENTS, f"{PEOPLE}{bob.pk}/change/", "/admin/auth/group/"} <= pages.keys()
        assert any("/help/remove-factors/" in path for path in pages)
        for path, page in pages.items():
            assert 'type="password"' not in page, path
            assert [secret for secret in secrets if secret in page] == [], path

    def test_the_admin_has_no_way_of_its_own_to_change_a_password(self, admin_client, admin_user):
        fields = {"old_password": PASSWORD, "new_password1": "other-secure-pass", "new_password2": "other-secure-pass"}

        answer = admin_client.post("/admin/password_change/", fields)

        assert answer["Location"] == "/accounts/security/password/"
        admin_user.refresh_from_db()
        assert admin_user.check_password(PASSWORD)

    def test_the_search_would_find_them(self, bob):
        assert bob.password in set(find_secrets(bob))
        assert bob.plain_codes[0] in set(find_secrets(bob))


def read_row(row):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", row))


def find_secrets(person):
    """Give everything in the database, and what it was made from, that opens an account."""
    yield from User.objects.values_list("password", flat=True)
    for session in UserSession.objects.all():
        yield from (session.session_key, session.session_data)
    for device in TotpDevice.objects.all():
        seed = decrypt(device.encrypted_secret)
        yield from (
            device.encrypted_secret,
            seed.hex(),
            get_secret_text(device),
            get_secret_text(device).replace(" ", ""),
        )
    yield from BackupCode.objects.values_list("code_hash", flat=True)
    yield from KnownBrowser.objects.values_list("key", flat=True)
    for code in person.plain_codes:
        yield from (code, code.replace("-", ""))


def crawl(browser):
    """Open every page of the admin that can be reached from its front page; gives address → text."""
    pages, waiting = {}, ["/admin/"]
    while waiting:
        path = waiting.pop()
        if path in pages or path.startswith(("/admin/logout", "/admin/jsi18n")):
            continue
        answer = browser.get(path)
        assert answer.status_code < 500, path
        pages[path] = answer.content.decode() if "text/html" in answer.headers.get("Content-Type", "") else ""
        for target in re.findall(r'href="([^"#]+)"', pages[path]):
            target = unescape(target)
            target = path.partition("?")[0] + target if target.startswith("?") else target
            # A list filtered or sorted is the same page: what has a query and counts is an action's page.
            if target.startswith("/admin/") and ("?" not in target or "/help/" in target):
                waiting.append(target)
    return pages
