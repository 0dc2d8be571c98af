"""`.env.example` documents every variable that settings read, nothing else, and the defaults they have."""

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import environ
import pytest

from smartfin.environment import Environment

BASE_DIR = Path(__file__).resolve().parents[2]
CASTS = {"int": int, "float": float, "str": str}


@dataclass
class Read:
    """One `env.method("NAME", default=…)` of the settings; `default` is set where it is a literal."""

    method: str
    default: object = None
    is_literal: bool = False
    cast: type | None = None


def find_calls_of_env():
    """Find each `env.method("NAME", …)` of settings.py, by parsing it."""
    for node in ast.walk(ast.parse((BASE_DIR / "smartfin" / "settings.py").read_text(encoding="utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env"), attr=method), args=[ast.Constant(value=name), *_]
            ):
                yield method, name, {keyword.arg: keyword.value for keyword in node.keywords}


def find_reads():
    reads = {}
    for method, name, options in find_calls_of_env():
        read = reads[name] = Read(method)
        if "cast" in options:
            read.cast = CASTS[options["cast"].id]
        with suppress(ValueError, KeyError):
            read.default, read.is_literal = ast.literal_eval(options["default"]), True
    return reads


def find_documented():
    """Find the variables of .env.example: name → (the comment above it, the value)."""
    documented = {}
    comment = []
    for line in (BASE_DIR / ".env.example").read_text(encoding="utf-8").splitlines():
        if found := re.fullmatch(r"(#?)([A-Z][A-Z0-9_]*)=(.*)", line):
            assert found[1], f"{found[2]} is not commented out"
            assert found[2] not in documented, f"{found[2]} is there twice"
            documented[found[2]] = (" ".join(comment), found[3])
            comment = []
        elif line.startswith("# "):
            comment.append(line[2:])
        else:
            comment = []
    return documented


READS = find_reads()
DOCUMENTED = find_documented()
LITERALS = sorted(name for name, read in READS.items() if read.is_literal)


def test_every_variable_is_documented():
    assert sorted(READS.keys() - DOCUMENTED.keys()) == []


def test_nothing_else_is_documented():
    assert sorted(DOCUMENTED.keys() - READS.keys()) == []


def test_the_parser_finds_what_it_should():
    assert {"ENV_FILES", "PORT", "DATABASE_POOL_SIZE", "OTP_PRICES", "OTP_ALLOWED_COUNTRIES"} <= READS.keys()
    assert len(LITERALS) > 30


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_has_a_comment_of_its_own(name):
    comment, _ = DOCUMENTED[name]

    assert len(comment) > 15


@pytest.mark.parametrize("name", LITERALS)
def test_documented_default_is_the_coded_one(name, tmp_path):
    read = READS[name]

    class IsolatedEnv(environ.FileAwareEnv):
        ENVIRON = {}

    dotenv = tmp_path / ".env"
    dotenv.write_text(f"{name}={DOCUMENTED[name][1]}\n", encoding="utf-8")
    env = IsolatedEnv()
    env.read_env(dotenv)
    options = {"cast": read.cast} if read.cast else {}
    coded = read.default
    if read.method.endswith("_url"):
        env.ENVIRON["CODED"] = read.default
        coded = getattr(env, read.method)("CODED")

    documented = getattr(env, read.method)(name, **options)

    assert documented == coded


@pytest.mark.parametrize("name", sorted(READS.keys() - set(LITERALS)))
def test_default_that_is_worked_out_is_left_empty(name):
    assert DOCUMENTED[name][1] == ""


def test_variables_may_come_from_files(tmp_path, monkeypatch):
    secret = tmp_path / "secret"
    secret.write_text("from a file\n", encoding="utf-8")
    monkeypatch.setenv("SMARTFIN_EXAMPLE_FILE", str(secret))

    assert Environment().str("SMARTFIN_EXAMPLE") == "from a file"
