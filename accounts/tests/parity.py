"""The two faces of accounts, as one interface: what a page tells a person and what the API tells a program."""

from dataclasses import dataclass
from typing import Any

from django.test import Client

from accounts.tests.people import PASSWORD
from accounts.tests.steps import (
    CONFIRM,
    LOGIN,
    LOGIN_CODE,
    LOGIN_RESEND,
    SWITCH,
    ask_for_proof,
    call,
    give_code,
    give_password,
    give_proof,
)

# A program reads how long to wait; a person is told what for.
PAGES_SAY = {"Too many requests. Wait a little, then try again.": "A code was sent a moment ago and is still good."}


@dataclass(frozen=True)
class Outcome:
    """What came of one step. `kind` is `done`, `more` (a second proof is wanted), `proof` or `refused`."""

    kind: str
    status: int = 200
    text: str = ""
    tries_left: int | None = None

    def says_what(self, page: "Outcome") -> None:
        """Hold a page to what the API answered."""
        assert (page.kind, self.kind) == (self.kind, self.kind), (page, self)
        if self.kind == "refused":
            sentence = PAGES_SAY.get(self.text, self.text)
            assert sentence in page.text, (sentence, page.text)
            if self.tries_left:
                tries = "1 try left." if self.tries_left == 1 else f"{self.tries_left} tries left."
                assert tries in page.text, (tries, page.text)
            # A page that leads elsewhere with its sentence, or shows a form to mend, is an ordinary answer.
            if self.status >= 429 and page.status not in {200, 302}:
                assert page.status == self.status


class Pages:
    """A browser."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def password(self, email: str, password: str = PASSWORD) -> Outcome:
        return self._judge(give_password(self.client, email, password=password))

    def code(self, code: str, method: str = "otp") -> Outcome:
        return self._judge(give_code(self.client, code, method))

    def send(self, channel: str) -> Outcome:
        return self._judge(self.client.post(LOGIN_RESEND, {"channel": channel}), sent=LOGIN_CODE)

    def ask(self, step: str) -> Outcome:
        return self._judge(ask_for_proof(self.client, step), sent=CONFIRM)

    def prove(self, step: str, code: str, method: str = "otp") -> Outcome:
        return self._judge(give_proof(self.client, step, code, method))

    def switch(self, *, is_on: bool) -> Outcome:
        return self._judge(self.client.post(SWITCH, {"enabled": "on" if is_on else ""}))

    def sign_out(self) -> Outcome:
        return self._judge(self.client.post("/accounts/logout/"))

    def begin_reset(self, email: str, phone: str) -> Outcome:
        return self._judge(self.client.post("/accounts/password-reset/", {"email": email, "phone": phone}))

    def finish_reset(self, email: str, phone: str, code: str, new_password: str) -> Outcome:
        fields = {"code": code, "new_password": new_password}
        return self._judge(self.client.post("/accounts/password-reset/code/", fields))

    def prove_reset(self, email: str, phone: str, code: str, new_password: str, method: str, proof: str) -> Outcome:
        return self._judge(self.client.post("/accounts/password-reset/proof/", {"code": proof, "method": method}))

    def _judge(self, answer: Any, sent: str = "") -> Outcome:
        if answer.status_code != 302:
            sentences = [str(error["sentence"]) for error in answer.context["errors"]]
            return Outcome("refused", answer.status_code, " ".join(sentences))
        leads_to = answer["Location"].partition("?")[0]
        if leads_to == sent:
            return Outcome("done")
        if leads_to in {LOGIN_CODE, "/accounts/password-reset/proof/"}:
            return Outcome("more")
        if leads_to == CONFIRM:
            return Outcome("proof")
        page = self.client.get(answer["Location"])
        errors = [message for message in page.context["messages"] if message.level_tag == "error"]
        if leads_to == LOGIN or errors:
            return Outcome("refused", 302, " ".join(map(str, errors)))
        return Outcome("done")


class Calls:
    """A program on a page of this site."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def password(self, email: str, password: str = PASSWORD) -> Outcome:
        return self._judge(call(self.client, "login", email=email, password=password))

    def code(self, code: str, method: str = "otp") -> Outcome:
        return self._judge(call(self.client, "login/verify", code=code, method=method))

    def send(self, channel: str) -> Outcome:
        return self._judge(call(self.client, "login/send", channel=channel))

    def ask(self, step: str) -> Outcome:
        return self._judge(call(self.client, "step-up/send", step=step))

    def prove(self, step: str, code: str, method: str = "otp") -> Outcome:
        return self._judge(call(self.client, "step-up/verify", step=step, code=code, method=method))

    def switch(self, *, is_on: bool) -> Outcome:
        body = {"enabled": is_on}
        return self._judge(self.client.patch("/api/me/two-factor", body, content_type="application/json"))

    def sign_out(self) -> Outcome:
        return self._judge(call(self.client, "logout"))

    def begin_reset(self, email: str, phone: str) -> Outcome:
        return self._judge(call(self.client, "forgot-password-otp", email=email, phone=phone))

    def finish_reset(self, email: str, phone: str, code: str, new_password: str, **proofs: str) -> Outcome:
        body = {"email": email, "phone": phone, "otp_code": code, "new_password": new_password, **proofs}
        return self._judge(call(self.client, "forgot-password-otp", **body))

    def prove_reset(self, email: str, phone: str, code: str, new_password: str, method: str, proof: str) -> Outcome:
        name = method if method == "backup_code" else f"{method}_code"
        return self.finish_reset(email, phone, code, new_password, **{name: proof})

    def _judge(self, answer: Any) -> Outcome:
        body = answer.json()
        if answer.status_code < 300:
            return Outcome("more" if body.get("status") == "second_factor_required" else "done")
        if body["code"] == "step_up_required":
            return Outcome("proof")
        if body["code"] == "second_proof_required":
            return Outcome("more")
        return Outcome("refused", answer.status_code, body["error"], body.get("attempts_left"))
