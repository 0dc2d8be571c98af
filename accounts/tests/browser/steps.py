"""What people do on the pages of accounts, in a browser."""

from typing import Any

from playwright.sync_api import Page, expect

from accounts.tests.people import NUMBER, PASSWORD

LABELS = {
    "email": "Email",
    "password": "Password",
    "phone": "Phone number",
    "code": "Code",
    "backup_code": "Backup code",
    "new": "New password",
}


def fill_in(page: Page, **fields: str) -> None:
    """Fill fields in by their labels, and send the form with the keyboard."""
    for name, value in fields.items():
        page.get_by_label(LABELS[name], exact=True).fill(value)
    page.keyboard.press("Enter")


def expect_heading(page: Page, heading: str) -> None:
    """Wait for the page of this heading, its scripts included: what is clicked before them is sent without them."""
    expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
    page.wait_for_load_state()


def press(page: Page, button: str) -> None:
    """Press a button that a script listens to: once it is there, and the scripts of its page with it."""
    found = page.get_by_role("button", name=button)
    expect(found).to_be_visible()
    page.wait_for_load_state()
    found.click()


def read_code(page: Page, to: str = NUMBER) -> str:
    """Read the newest code that the sandbox delivered to a destination."""
    return page.request.get("/sandbox/messages.json", params={"to": to}).json()["messages"][0]["code"]


def control(page: Page, **fields: Any) -> None:
    """Set the sandbox: `control(page, fault="reset_connection")`."""
    assert page.request.post("/sandbox/control", data=fields).ok


def give_password(page: Page, email: str = "ann@example.com", address: str = "/accounts/login/") -> None:
    """Take the first step of somebody's sign-in who has a second factor."""
    page.goto(address)
    fill_in(page, email=email, password=PASSWORD)
    expect_heading(page, "Confirm that it is you")


def expect_signed_in(page: Page, email: str = "ann@example.com") -> None:
    expect(page.get_by_role("banner")).to_contain_text(email)


def sign_out(page: Page) -> None:
    page.get_by_role("banner").get_by_role("button", name="Sign out").click()
    expect_heading(page, "You are signed out")
