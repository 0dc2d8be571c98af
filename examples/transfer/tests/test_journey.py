"""A transfer from the first page to the last, in a browser, with scripts and without."""

from decimal import Decimal

import pytest
from playwright.sync_api import expect

from accounts.tests.people import NUMBER, PASSWORD, make_person
from examples.transfer.models import Account
from otp.models import TransactionApproval
from otp.tests.browser.test_pages import find_barriers

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("examples.transfer.site_urls"),
]


@pytest.fixture
def people(db):
    ann, bob = make_person(), make_person("bob@example.com", "+12025550199")
    Account.objects.create(owner=bob, name="Bob & Sons")
    return Account.objects.create(owner=ann, name="Ann"), Account.objects.get(owner=bob)


def read_message(page):
    return page.request.get("/sandbox/messages.json", params={"to": NUMBER}).json()["messages"][0]


def expect_heading(page, heading):
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()


def begin(page, amount="120.50"):
    page.goto("/transfer/")
    page.get_by_label("Email", exact=True).fill("ann@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect_heading(page, "Transfer")
    ask(page, amount)


def ask(page, amount):
    page.get_by_label("Amount in EUR").fill(amount)
    page.get_by_role("button", name="Go on").click()


@pytest.mark.requirement("TXN-01")
@pytest.mark.parametrize("has_scripts", [True, False], ids=["scripts", "no scripts"])
def test_money_moves_once_it_is_confirmed(new_page, people, has_scripts):
    page = new_page(java_script_enabled=has_scripts)
    begin(page, "1e3")
    expect(page.get_by_role("alert")).to_contain_text("at most 2 decimals, like 120.00")
    ask(page, "120.50")
    expect_heading(page, "Confirm this payment")
    expect(page.get_by_role("main")).to_contain_text("You are about to pay 120.50 EUR to Bob & Sons.")
    message = read_message(page)
    assert "120.50 EUR" in message["body"]
    assert "Bob & Sons" in message["body"]
    assert {account.balance for account in Account.objects.all()} == {Decimal(1000)}
    page.get_by_label("Code", exact=True).fill(f"{(int(message['code']) + 1) % 1_000_000:06}")
    page.get_by_role("button", name="Pay 120.50 EUR").click()
    expect(page.get_by_role("alert")).to_contain_text("4 tries left.")

    page.get_by_label("Code", exact=True).fill(message["code"])
    page.get_by_role("button", name="Pay 120.50 EUR").click()

    expect(page.get_by_role("status")).to_have_text("Paid 120.50 EUR to Bob & Sons.")
    expect(page.get_by_role("main")).to_contain_text("You have 879.50 EUR.")
    assert list(Account.objects.order_by("balance").values_list("balance", flat=True)) == [
        Decimal("879.50"),
        Decimal("1120.50"),
    ]
    assert TransactionApproval.objects.get().status == "redeemed"


@pytest.mark.requirement("UX-05", "UX-07")
@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_the_pages_have_no_barriers(new_page, people, color_scheme):
    page = new_page(color_scheme=color_scheme, viewport={"width": 320, "height": 844})

    def look():
        assert find_barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    begin(page)
    expect_heading(page, "Confirm this payment")
    look()
    page.get_by_label("Code", exact=True).fill("1")
    page.get_by_role("button", name="Pay 120.50 EUR").click()
    expect(page.get_by_role("alert")).to_be_visible()
    look()
    page.get_by_role("button", name="Cancel this payment").click()
    expect_heading(page, "Nothing was paid")
    look()
