"""The examples of docs/reference/javascript.md do what they say."""

import re
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.utils import timezone
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NUMBER = "+12025550123"
TEXT = (Path(django_settings.BASE_DIR) / "docs" / "reference" / "javascript.md").read_text(encoding="utf-8")
VALUES = """
Object.assign(window, {
  phone: "+12025550123", email: "ann@example.com", password: "kettle-harbor-42", newPassword: "lantern-orchard-7",
  askForCode: async () => (await (await fetch("/sandbox/messages.json")).json()).messages[0].code,
});
"""


CHECK, REGISTER, RESET, TOO_SOON, CONFIGURE = range(5)


def read_example(language: str, index: int) -> str:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[index]


@pytest.fixture
def said(page) -> list[str]:
    said = []
    page.on("console", lambda message: said.append(message.text))
    return said


def run(page, example: str) -> None:
    page.add_init_script(VALUES)
    page.route("**/example.js", lambda route: route.fulfill(body=example, content_type="text/javascript"))
    page.goto("/")
    page.evaluate("import('/example.js').then(() => {})")


def test_check(page, said):
    run(page, read_example("js", CHECK))

    assert said == ["proven"]


def test_registration(page):
    run(page, read_example("js", REGISTER))

    assert get_user_model().objects.get().phone == NUMBER


def test_reset(page):
    user = get_user_model().objects.create_user(
        "ann@example.com", "old", phone=NUMBER, phone_verified_at=timezone.now()
    )

    run(page, read_example("js", RESET))

    user.refresh_from_db()
    assert user.check_password("lantern-orchard-7")


def test_error(page, said):
    run(page, read_example("js", TOO_SOON))

    assert re.search(r"Again in \d+ seconds; the code that is out stays good\.", "\n".join(said))


def test_configuration(page):
    page.route("https://smartfin.example/**", lambda route: route.fulfill(status=400, json={"error": "Reached."}))
    # The page's own policy would refuse another origin before it is asked.
    page.route("**/sandbox/", lambda route: route.fulfill(body="<title>Elsewhere</title>", content_type="text/html"))
    page.goto("/sandbox/")
    page.route("**/example.js", lambda route: route.fulfill(body=example, content_type="text/javascript"))
    example = read_example("js", CONFIGURE)

    page.evaluate("import('/example.js').then(() => {})")

    with page.expect_request("https://smartfin.example/api/send-otp"):
        page.evaluate("import('/static/otp/api.js').then((api) => api.sendOTP('+12025550123').catch(() => {}))")


def test_page_with_the_element(page, inbox):
    page.route("**/page", lambda route: route.fulfill(body=read_example("html", 0), content_type="text/html"))
    page.route(
        "**/app.js", lambda route: route.fulfill(body=read_example("javascript", 0), content_type="text/javascript")
    )
    page.goto("/page")

    page.get_by_label("Phone number").fill(NUMBER)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Code", exact=True)).to_be_focused()
    page.get_by_label("Code", exact=True).fill(inbox(NUMBER)[0]["code"])
    page.keyboard.press("Enter")

    expect(page).to_have_title(f"{NUMBER} is proven")


def test_texts(page):
    run(page, read_example("javascript", 1))

    expect(page.get_by_label("Telefonnummer")).to_be_visible()
    expect(page.get_by_role("button", name="Code senden")).to_be_visible()
