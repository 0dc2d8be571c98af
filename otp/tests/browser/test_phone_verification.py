"""`<phone-verification>`: number, code, verified, and everything that comes between."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from otp.models import Verification

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

NUMBER = "+12025550123"
NOON = "2026-01-01T12:00:00"
RECORD_EVENTS = """
window.events = [];
for (const name of ["sent", "verified", "failed"]) {
  document.addEventListener(name, ({ type, detail, composed }) => {
    events.push({ type, composed, ...detail, ...(detail.error && { error: { code: detail.error.code } }) });
  });
}
"""


@pytest.fixture
def page(page: Page) -> Page:
    page.add_init_script(RECORD_EVENTS)
    return page


def open_home(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_label("Phone number")).to_be_visible()


def send(page: Page, number: str = NUMBER) -> None:
    page.get_by_label("Phone number").fill(number)
    page.keyboard.press("Enter")
    expect(code_field(page)).to_be_focused()


def code_field(page: Page):
    return page.get_by_label("Code", exact=True)


def status(page: Page):
    return page.locator("phone-verification [role=status]")


def set_code(page: Page, code: str) -> None:
    code_field(page).fill(code)
    page.keyboard.press("Enter")


def get_wrong_code(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def events(page: Page, name: str) -> list[dict]:
    return [event for event in page.evaluate("events") if event["type"] == name]


def end_wait_on_server() -> None:
    Verification.objects.update(next_send_at=timezone.now() - timedelta(seconds=1))


class TestJourney:
    def test_number_then_code_then_verified(self, page, inbox):
        open_home(page)

        send(page, "+1 (202) 555-0123")
        set_code(page, inbox(NUMBER)[0]["code"])

        expect(page.get_by_text("Your phone number is verified.")).to_be_focused()
        expect(page.locator("#confirmation")).to_contain_text("+1 (202) 555-0123 was proven")
        [sent], [verified] = events(page, "sent"), events(page, "verified")
        verification = Verification.objects.get()
        assert sent == {
            "type": "sent",
            "composed": True,
            "phone": "+1 (202) 555-0123",
            "channel": "sms",
            "to": "+1 ••• ••• 0123",
            "verificationId": str(verification.pk),
            "expiresIn": 600,
            "resendIn": 30,
        }
        assert verified.pop("verificationToken")
        assert verified == {
            "type": "verified",
            "composed": True,
            "phone": "+1 (202) 555-0123",
            "verificationId": str(verification.pk),
        }
        assert verification.status == "approved"

    @pytest.mark.parametrize("separator", [" ", "-", "\u2013", "\u00a0"])
    def test_takes_a_pasted_code_as_messages_write_it(self, page, inbox, separator):
        open_home(page)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        send(page)
        code = inbox(NUMBER)[0]["code"]

        page.evaluate("text => navigator.clipboard.writeText(text)", f"{code[:3]}{separator}{code[3:]}")
        page.keyboard.press("Control+V")
        page.keyboard.press("Enter")

        expect(page.locator("#confirmation")).to_be_visible()

    def test_can_start_over(self, page, inbox):
        open_home(page)
        send(page)
        set_code(page, inbox(NUMBER)[0]["code"])

        page.get_by_role("button", name="Try another number").click()

        expect(page.locator("#confirmation")).to_be_hidden()
        expect(page.get_by_label("Phone number")).to_be_focused()
        send(page, "+12025550124")

    def test_number_can_be_changed(self, page, inbox):
        open_home(page)
        send(page)

        page.get_by_role("button", name="Change number").click()

        expect(page.get_by_label("Phone number")).to_be_focused()
        expect(page.get_by_label("Phone number")).to_have_value(NUMBER)
        send(page, "+12025550124")
        assert len(inbox("+12025550124")) == 1

    def test_code_from_before_a_reload_still_works(self, page, inbox):
        open_home(page)
        send(page)
        page.reload()

        page.get_by_label("Phone number").fill(NUMBER)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="I have a code already").click()
        set_code(page, inbox(NUMBER)[0]["code"])

        expect(page.locator("#confirmation")).to_be_visible()
        assert events(page, "verified")[0]["verificationId"] is None

    def test_leaves_nothing_behind(self, page, inbox):
        requests = []
        page.on("request", lambda request: requests.append(request))
        open_home(page)

        send(page)
        code = inbox(NUMBER)[0]["code"]
        set_code(page, code)

        expect(page.locator("#confirmation")).to_be_visible()
        addresses = " ".join([page.url, *(request.url for request in requests)])
        assert "2025550123" not in addresses
        assert code not in addresses
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        # Only what guards the forms of the page, the switch of languages among them.
        assert [cookie["name"] for cookie in page.context.cookies()] == ["csrftoken"]
        assert code not in page.content()


class TestFields:
    def test_browsers_can_fill_them_in(self, page):
        open_home(page)
        number = page.get_by_label("Phone number")
        expect(number).to_have_attribute("type", "tel")
        expect(number).to_have_attribute("autocomplete", "tel")

        send(page)

        code = code_field(page)
        expect(code).to_have_attribute("type", "text")
        expect(code).to_have_attribute("inputmode", "numeric")
        expect(code).to_have_attribute("autocomplete", "one-time-code")
        assert page.locator("phone-verification input:visible").count() == 1
        assert page.locator("phone-verification form:visible").count() == 1

    def test_are_described_by_their_error(self, page):
        open_home(page)
        number = page.get_by_label("Phone number")
        expect(number).not_to_have_attribute("aria-invalid", "true")

        number.fill("12")
        page.get_by_role("button", name="Send code").click()

        expect(number).to_be_focused()
        expect(number).to_have_attribute("aria-invalid", "true")
        expect(number).to_have_accessible_description(re.compile("isn’t valid"))
        assert events(page, "failed") == [
            {"type": "failed", "composed": True, "action": "send", "error": {"code": "invalid_destination"}}
        ]

    def test_empty_number_is_not_sent(self, page):
        open_home(page)

        page.get_by_role("button", name="Send code").click()

        expect(page.get_by_label("Phone number")).to_have_accessible_description(re.compile("Enter your phone number."))
        assert not Verification.objects.exists()

    @pytest.mark.parametrize(
        ("code", "sentence"),
        [
            ("", "Enter the code."),
            ("12", "too short"),
            ("12345678901", "too long"),
            ("12345a", "digits only"),
        ],
    )
    def test_wrong_shape_costs_no_try(self, page, code, sentence):
        open_home(page)
        send(page)

        set_code(page, code)

        expect(code_field(page)).to_have_accessible_description(re.compile(sentence))
        assert Verification.objects.get().checks == 0

    def test_code_length_can_be_told(self, page):
        open_home(page)
        page.locator("phone-verification").evaluate("element => { element.codeLength = 6; }")
        send(page)

        set_code(page, "12345")

        expect(code_field(page)).to_have_accessible_description(re.compile("too short"))


class TestFailures:
    def test_wrong_code_says_so_and_keeps_the_focus(self, page, inbox):
        open_home(page)
        send(page)

        set_code(page, get_wrong_code(inbox(NUMBER)[0]["code"]))

        expect(code_field(page)).to_have_accessible_description(
            "That code isn’t right. Check it and try again. 4 tries left."
        )
        expect(code_field(page)).to_be_focused()
        expect(code_field(page)).to_have_attribute("aria-invalid", "true")
        assert events(page, "failed")[0]["error"] == {"code": "incorrect_code"}
        set_code(page, inbox(NUMBER)[0]["code"])
        expect(page.locator("#confirmation")).to_be_visible()

    def test_too_many_wrong_codes_say_how_long_to_wait(self, page, inbox):
        open_home(page)
        send(page)
        wrong = get_wrong_code(inbox(NUMBER)[0]["code"])
        Verification.objects.update(checks=4)

        set_code(page, wrong)
        expect(code_field(page)).to_have_accessible_description(re.compile(r"0 tries left\."))
        set_code(page, wrong)

        expect(code_field(page)).to_have_accessible_description(
            re.compile(r"Too many wrong codes.*Try again in \d+ minutes\.")
        )
        expect(
            page.get_by_role("button", name=re.compile(r"Send again in 9:\d\d|Send again in 10:00"))
        ).to_be_disabled()

    def test_lost_connection_is_told_and_can_be_tried_again(self, page):
        open_home(page)
        page.route("**/api/send-otp", lambda route: route.abort())
        page.get_by_label("Phone number").fill(NUMBER)

        page.get_by_role("button", name="Send code").click()

        expect(page.get_by_text("can’t be reached")).to_be_visible()
        page.unroute("**/api/send-otp")
        send(page)

    def test_nothing_is_sent_twice(self, page, inbox):
        held = []
        open_home(page)
        page.route("**/api/send-otp", lambda route: held.append(route))
        page.get_by_label("Phone number").fill(NUMBER)
        button = page.locator("phone-verification button[type=submit]")

        page.locator("phone-verification form").evaluate("form => { form.requestSubmit(); form.requestSubmit(); }")

        expect(button).to_be_disabled()
        expect(button).to_have_attribute("aria-busy", "true")
        expect(button).to_have_text("Sending…")
        page.get_by_label("Phone number").press("Enter")
        assert len(held) == 1
        held[0].continue_()
        expect(code_field(page)).to_be_focused()
        assert len(inbox(NUMBER)) == 1


class TestTime:
    def test_sending_again_becomes_possible(self, page, inbox):
        page.clock.install(time=NOON)
        open_home(page)
        page.clock.pause_at("2026-01-01T13:00:00")
        send(page)
        expect(page.get_by_role("button", name="Send again in 0:30")).to_be_disabled()
        expect(page.get_by_role("button", name="Call me instead")).to_be_disabled()

        page.clock.run_for(12_000)
        expect(page.get_by_role("button", name="Send again in 0:18")).to_be_disabled()
        page.clock.run_for(18_000)
        expect(status(page)).to_have_text("You can ask for a new code now.")
        end_wait_on_server()
        page.get_by_role("button", name="Send again", exact=True).click()

        expect(page.get_by_role("button", name="Send again in 0:40")).to_be_disabled()
        expect(code_field(page)).to_be_focused()
        assert len(inbox(NUMBER)) == 2
        set_code(page, inbox(NUMBER)[0]["code"])
        expect(page.locator("#confirmation")).to_be_visible()

    def test_server_has_the_last_word_on_the_wait(self, page):
        page.clock.install(time=NOON)
        open_home(page)
        page.clock.pause_at("2026-01-01T13:00:00")
        send(page)
        page.clock.run_for(30_000)

        page.get_by_role("button", name="Send again", exact=True).click()

        expect(page.get_by_role("alert")).to_contain_text("Too many requests.")
        expect(page.get_by_role("button", name=re.compile(r"Send again in 0:\d\d"))).to_be_disabled()
        expect(code_field(page)).not_to_have_attribute("aria-invalid", "true")

    def test_time_left_is_spoken_seldom(self, page):
        page.clock.install(time=NOON)
        open_home(page)
        page.clock.pause_at("2026-01-01T13:00:00")
        send(page)
        status(page).evaluate(
            """element => {
              window.spoken = [];
              new MutationObserver(() => spoken.push(element.textContent)).observe(element, { childList: true });
            }"""
        )

        page.clock.run_for(600_000)

        expect(status(page)).to_have_text("The code has expired. Ask for a new one.")
        assert page.evaluate("spoken") == [
            "You can ask for a new code now.",
            "The code works for 5 minutes more.",
            "The code works for 2 minutes more.",
            "The code works for 60 seconds more.",
            "The code works for 30 seconds more.",
            "The code has expired. Ask for a new one.",
        ]
        expect(page.get_by_role("button", name="Send again", exact=True)).to_be_enabled()


class TestChannels:
    def test_person_chooses(self, page, inbox):
        open_home(page)

        page.get_by_label("WhatsApp").check()
        send(page)

        assert [message["channel"] for message in inbox(NUMBER)] == ["whatsapp"]

    def test_call_instead(self, page, inbox):
        page.clock.install(time=NOON)
        open_home(page)
        page.clock.pause_at("2026-01-01T13:00:00")
        send(page)
        page.clock.run_for(30_000)
        end_wait_on_server()

        page.get_by_role("button", name="Call me instead").click()

        expect(status(page)).to_contain_text("We are calling +1 ••• ••• 0123")
        expect(page.get_by_role("button", name="Send a text message instead")).to_be_disabled()
        assert inbox(NUMBER)[0]["channel"] == "call"


class TestCodeFromTheMessage:
    STAND_IN = """
    window.OTPCredential = class {};
    window.listening = [];
    navigator.credentials.get = (options) => {
      window.listening.push(options);
      return new Promise((resolve, reject) => {
        window.deliver = (code) => resolve({ code });
        options.signal.addEventListener("abort", () => reject(options.signal.reason));
      });
    };
    """

    def test_is_taken(self, page, inbox):
        page.add_init_script(self.STAND_IN)
        open_home(page)
        send(page)

        page.evaluate("code => deliver(code)", inbox(NUMBER)[0]["code"])

        expect(page.locator("#confirmation")).to_be_visible()
        assert page.evaluate("listening[0].otp") == {"transport": ["sms"]}

    def test_listening_ends_with_the_element(self, page):
        page.add_init_script(self.STAND_IN)
        open_home(page)
        send(page)

        page.locator("phone-verification").evaluate("element => element.remove()")

        assert page.evaluate("listening.map(({ signal }) => signal.aborted)") == [True]


class TestElement:
    def test_made_by_a_program(self, page, inbox):
        open_home(page)
        page.evaluate(
            """phone => {
              document.querySelector("phone-verification").remove();
              const element = document.createElement("phone-verification");
              element.phone = phone;
              element.purpose = "registration";
              element.texts = { send: "Los", codeLabel: "Kode" };
              element.setAttribute("text-verify", "Stimmt");
              element.addEventListener("verified", ({ detail }) => { window.result = detail; });
              document.querySelector("main").append(element);
            }""",
            NUMBER,
        )

        page.get_by_role("button", name="Los").click()
        expect(page.get_by_label("Kode")).to_be_focused()
        page.get_by_label("Kode").fill(inbox(NUMBER)[0]["code"])
        page.get_by_role("button", name="Stimmt").click()

        expect(page.get_by_text("Your phone number is verified.")).to_be_focused()
        assert page.evaluate("result.phone") == NUMBER
        assert Verification.objects.get().purpose == "registration"

    def test_speaks_the_language_of_the_page_and_asks_the_server_for_it(self, page, inbox):
        asked = []
        open_home(page)
        page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)

        page.evaluate(
            "document.documentElement.lang = 'es-MX'; document.querySelector('phone-verification').lang = 'es'"
        )
        page.get_by_label("Número de teléfono").fill(NUMBER)
        page.get_by_role("button", name="Enviar código").click()

        expect(page.get_by_label("Código", exact=True)).to_be_focused()
        expect(status(page)).to_contain_text("Enviamos un código por SMS a +1 ••• ••• 0123.")
        assert asked[0].headers["accept-language"] == "es"
        assert asked[0].post_data_json["locale"] == "es"

    def test_has_every_text_in_every_language(self, page):
        open_home(page)

        texts = page.evaluate("import('/static/otp/texts.js').then(({ TEXTS }) => TEXTS)")

        assert texts["es"].keys() == texts["en"].keys()
        holes = {
            language: {name: set(re.findall(r"{\w+}", text)) for name, text in texts[language].items()}
            for language in texts
        }
        assert holes["es"] == holes["en"]

    def test_survives_being_moved(self, page, inbox):
        open_home(page)
        send(page)

        page.evaluate(
            """() => {
              const element = document.querySelector("phone-verification");
              element.remove();
              document.querySelector("main").prepend(element);
            }"""
        )
        set_code(page, inbox(NUMBER)[0]["code"])

        expect(page.locator("#confirmation")).to_be_visible()

    def test_properties_set_before_it_was_defined_count(self, page):
        page.route("**/api.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.route("**/home.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
        page.goto("/")
        page.locator("phone-verification").evaluate("(element, phone) => { element.phone = phone; }", NUMBER)
        page.unroute("**/api.js")

        page.evaluate("import('/static/otp/phone-verification.js')")

        expect(page.get_by_label("Phone number")).to_have_value(NUMBER)

    def test_attributes_can_change_later(self, page):
        open_home(page)
        element = page.locator("phone-verification")

        element.evaluate(
            """(element, phone) => {
              element.setAttribute("phone", phone);
              element.setAttribute("channels", "sms call");
              element.setAttribute("text-phone-label", "Telefonnummer");
            }""",
            NUMBER,
        )

        expect(page.get_by_label("Telefonnummer")).to_have_value(NUMBER)
        expect(page.get_by_label("WhatsApp")).to_have_count(0)
        expect(page.get_by_label("Phone call")).to_be_visible()

    def test_two_on_one_page_keep_apart(self, page):
        open_home(page)

        page.evaluate("document.querySelector('main').append(document.createElement('phone-verification'))")

        ids = page.evaluate("[...document.querySelectorAll('phone-verification [id]')].map(({ id }) => id)")
        assert len(ids) == len(set(ids))
        assert page.get_by_label("Phone number").count() == 2

    def test_second_copy_of_the_module_does_no_harm(self, page):
        open_home(page)

        page.evaluate("import('/static/otp/phone-verification.js?again')")

        send(page)
