"""The steps of a request, and dying at one of them. Loaded by `benchmarks.kill_settings` alone, never by the site.

A request with `X-Die-At: 7` kills its process at its seventh step: before or after a statement, a commit, a call to
Redis or one to Twilio, what is done after the answer included. `X-Die-At: 0` names all steps and dies at none. Each
step that is passed is a line of the file that `STEPS` names: the last one is where the process died.
"""

import os
import re
import signal
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import redis
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest, HttpResponse

from otp.verify_api.http import VerifyHttpClient

HEADER = "X-Die-At"
STEPS = "KILL_STEPS"
TABLE = re.compile(r'(?:FROM|INTO|UPDATE) "(\w+)"')


@dataclass
class Way:
    """How far a request has come. Work after the answer goes on in a copy of its context, and so finds the same one."""

    die_at: int
    passed: int = 0


way: ContextVar[Way | None] = ContextVar("way", default=None)


def pass_step(name: str) -> None:
    if (found := way.get()) is None:
        return
    found.passed += 1
    with Path(os.environ[STEPS]).open("a") as steps:  # noqa: TID251
        steps.write(f"{name}\n")
    if found.passed == found.die_at:
        os.kill(os.getpid(), signal.SIGKILL)


def hook(owner: type, method: str, describe: Callable[..., str]) -> None:
    """Make a step of what comes before each call of a method, and of what comes after."""
    call = getattr(owner, method)

    @wraps(call)
    def call_between_steps(*args: Any, **kwargs: Any) -> Any:
        what = describe(*args)
        pass_step(f"before {what}")
        answer = call(*args, **kwargs)
        pass_step(f"after {what}")
        return answer

    setattr(owner, method, call_between_steps)


def describe_statement(cursor: CursorWrapper, statement: str, *args: Any) -> str:
    table = TABLE.search(statement)
    return f"{statement.split()[0]} {table[1] if table else ''}".strip()


class StepMiddleware:
    """Counts the steps of a request that asks for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        for method in ("execute", "executemany"):
            hook(CursorWrapper, method, describe_statement)
        hook(BaseDatabaseWrapper, "_commit", lambda *args: "COMMIT")
        hook(redis.Redis, "execute_command", lambda client, command, *args: f"Redis {command}")
        hook(VerifyHttpClient, "request", lambda client, method, *args: "Twilio")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (die_at := request.headers.get(HEADER)) is None:
            return self.get_response(request)
        token = way.set(Way(int(die_at)))
        try:
            answer = self.get_response(request)
            pass_step("before the answer")
        finally:
            way.reset(token)
        return answer
