"""Fields that nobody sets for themself, and rows that are somebody else's: over every way that writes."""

import uuid

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.people import PASSWORD, make_person, sign_in, with_phone, with_totp
from accounts.tests.steps import SECURITY, call, read

pytestmark = pytest.mark.django_db
PROTECTED = {
    "id": 987, "pk": 987, "is_staff": True, "is_superuser": True, "is_active": False, "phone_verified": True,
    "phone_verified_at": "2020-01-01T00:00:00Z", "phone_changed_at": "2020-01-01T00:00:00Z", "two_factor_enabled": True,
    "two_factor_required": True, "two_factor_grace_until": "2030-01-01T00:00:00Z", "groups": [1],
    "user_permissions": [1], "balance": 10**6, "status": "approved", "locked_until": None, "last_login": None,
    "preferred_channel": "call", "date_joined": "2020-01-01T00:00:00Z", "user": {"is_staff": True},
}  # fmt: skip
# Each call that writes, with what it needs itself.
CALLS = {
    "post login": {"email": "ann@example.com", "password": PASSWORD},
    "post login/send": {},
    "post login/verify": {"code": "123456"},
    "post logout": {},
    "get me": {},
    "put me": {},
    "patch me": {},
    "post me": {},
    "patch me/two-factor": {"enabled": False},
    "post step-up/send": {},
    "post step-up/verify": {"code": "123456"},
    "post approvals": {"amount": "1.00", "currency": "EUR", "payee": "Alice GmbH"},
}
PAGES = {
    "login/": {"email": "ann@example.com", "password": PASSWORD},
    "login/code/": {"code": "123456"},
    "confirm/": {"for": "password", "code": "123456"},
    "security/channel/": {"channel": "sms"},
    "security/two-factor/switch/": {"enabled": ""},
    "security/password/": {"password": PASSWORD, "new_password": PASSWORD},
    "phone-change/": {"phone": "+12025550188"},
    "password-reset/": {"email": "ann@example.com", "phone": "+12025550123"},
}
KEPT = (
    "id", "is_staff", "is_superuser", "is_active", "phone", "phone_verified_at", "phone_changed_at",
    "two_factor_required", "two_factor_grace_until", "date_joined",
)  # fmt: skip


def take_stock(user):
    kept = User.objects.filter(pk=user.pk).values(*KEPT).get()
    person = User.objects.get(pk=user.pk)
    return kept, person.groups.count(), person.user_permissions.count()


@pytest.mark.requirement("API-02")
class TestFields:
    @pytest.mark.parametrize("entry", CALLS)
    @pytest.mark.parametrize("shape", [dict, lambda body: {"user": body, **body}, lambda body: [body]])
    def test_a_call_sets_none_of_them(self, entry, shape, ann):
        method, path = entry.split()
        client = sign_in(Client(raise_request_exception=False), ann)
        before = take_stock(ann)

        body = shape({**PROTECTED, **CALLS[entry]})
        answer = getattr(client, method)(
            f"/api/{path}", body if method != "get" else {}, content_type="application/json"
        )

        assert answer.status_code < 500
        assert take_stock(ann) == before
        ann.refresh_from_db()
        assert not ann.two_factor_enabled

    @pytest.mark.parametrize("path", PAGES)
    def test_a_form_sets_none_of_them(self, path, ann):
        client = sign_in(Client(raise_request_exception=False), ann)
        before = take_stock(ann)

        answer = client.post(
            f"/accounts/{path}", {**{key: str(value) for key, value in PROTECTED.items()}, **PAGES[path]}
        )

        assert answer.status_code < 500
        assert take_stock(ann) == before
        ann.refresh_from_db()
        assert not ann.two_factor_enabled

    @pytest.mark.parametrize("face", ["api", "page"])
    def test_registering_sets_none_of_them(self, face, read_code):
        client = Client()
        number = "+12025550166"
        fields = {"email": "eve@example.com", "password": "a-good-long-one", "phone": number}
        protected = {**PROTECTED, "two_factor_enabled": True}
        if face == "api":
            call(client, "send-otp", to=number, purpose="registration", is_staff=True)
            assert (
                call(client, "register-with-otp", **{**protected, **fields, "otp_code": read_code(number)}).status_code
                == 201
            )
        else:
            text = {key: str(value) for key, value in protected.items()}
            client.post("/accounts/register/", {**text, **fields, "channel": "sms"})
            client.post("/accounts/register/code/", {**text, "code": read_code(number)})

        eve = User.objects.get(email="eve@example.com")
        flags = ("is_staff", "is_superuser", "two_factor_enabled", "two_factor_required")
        assert [name for name in flags if getattr(eve, name)] == []
        assert eve.is_active
        assert eve.phone_verified_at.year > 2020
        assert (eve.groups.count(), eve.user_permissions.count()) == (0, 0)
        assert eve.pk != 987


@pytest.mark.requirement("API-04")
class TestRows:
    """What has an id in its address: somebody else's and nobody's answer alike, and stay as they are."""

    def test_of_somebody_else_are_not_there(self, ann):
        bob = with_phone(make_person("bob@example.com", "+12025550177"))
        hers = sign_in(Client(), with_phone(ann), device=ann.phonedevice_set.get())
        his = sign_in(Client(raise_request_exception=False), bob, device=bob.phonedevice_set.get())
        payment = call(hers, "approvals", amount="1.00", currency="EUR", payee="Alice GmbH").json()["id"]
        verification = call(Client(), "send-otp", to="+12025550166").json()["verification_id"]

        for path, body in (("", None), ("/confirm", {"code": "123456"}), ("/cancel", {})):
            answers = []
            for pk in (payment, uuid.uuid4()):
                at = f"/api/approvals/{pk}{path}"
                answer = his.get(at) if body is None else his.post(at, body, content_type="application/json")
                answers.append((answer.status_code, answer.json()))
            assert answers[0] == answers[1], path
            assert answers[0][0] == 404, path
        assert hers.get(f"/api/approvals/{payment}").json()["status"] == "pending"
        # The ids of the public calls are no way to what is bound to a person.
        answers = [
            call(his, "verify-otp", verification_id=str(pk), code="123456").status_code
            for pk in (payment, uuid.uuid4())
        ]
        assert answers == [404, 404]
        assert verification

    def test_factors_and_sessions_of_somebody_else_are_not_shown(self, client, ann):
        with_totp(make_person("bob@example.com", "+12025550177"))
        sign_in(client, ann)

        page = read(client.get(SECURITY))

        assert "bob@example.com" not in page
        assert "0177" not in page
        assert len(client.get(SECURITY).context["sessions"]) == 1
