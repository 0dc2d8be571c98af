"""The calls of the API that people make in a soak, and what is kept of each answer."""

from dataclasses import dataclass

NO_ANSWER = 0


@dataclass(frozen=True)
class Call:
    """A call of the API, the answer that it is made for, and the kind of attempt that it leaves."""

    name: str
    path: str
    status: int
    kind: str


SEND = Call("send", "/api/send-otp", 201, "send")
CHECK = Call("check", "/api/verify-otp", 200, "check")
REGISTER = Call("register", "/api/register-with-otp", 201, "check")
ASK = Call("forgot: ask", "/api/forgot-password-otp", 202, "send")
RESET = Call("forgot: reset", "/api/forgot-password-otp", 200, "check")
TOKEN = Call("session", "/api/session", 200, "")
SIGN_IN = Call("sign in", "/api/login", 200, "send")
FINISH = Call("sign in: code", "/api/login/verify", 200, "check")


@dataclass(frozen=True)
class Answer:
    """What one call was answered. `word` is the `code` of an error, or `problem` where a sign-in's send failed."""

    call: Call
    request_id: str
    began_at: float  # Unix time
    seconds: float
    status: int
    word: str
    is_named_right: bool = True

    @property
    def ended_at(self) -> float:
        return self.began_at + self.seconds

    @property
    def is_success(self) -> bool:
        return self.status == self.call.status

    def __str__(self) -> str:
        return f"{self.call.name} {self.status or 'no answer'} {self.word}".strip()
