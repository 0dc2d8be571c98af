"""The documentation keeps its word: its curl examples run, its links lead somewhere, the commands it names exist.

An example is a fenced `bash` block that calls curl. It runs as it stands, in the order of the page and in one shell, so
that a variable set by one block serves the next. What follows it is checked: a line with `status 201` right below, and
the keys of the `json` block under that.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

BASE_DIR = Path(__file__).resolve().parents[2]
README = BASE_DIR / "README.md"
SETUP = BASE_DIR / "docs" / "how-to" / "TWILIO_OTP_SETUP.md"
PAGES = sorted([README, BASE_DIR / "CHANGELOG.md", *(BASE_DIR / "docs").rglob("*.md")])
DOCUMENTED_URL = "http://127.0.0.1:8000"
MARK = "@@ example"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(
    r"^```bash\n(?P<script>(?:(?!^```$).*\n)*?.*curl (?:(?!^```$).*\n)*)```\n"
    r"(?:\n(?P<said>[^`\n]*?status (?P<status>\d{3})[^\n]*)\n(?:\n```json\n(?P<answer>(?:(?!^```$).*\n)*)```$)?)?",
    re.MULTILINE,
)


@dataclass
class Example:
    script: str
    status: str | None
    answer: str | None


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def find_examples(page: Path) -> list[Example]:
    return [Example(found["script"], found["status"], found["answer"]) for found in EXAMPLE.finditer(read(page))]


def run_examples(examples: list[Example], url: str, home: Path) -> Iterator[tuple[str, list[str]]]:
    """Run all of them in one shell; give for each what it printed and the statuses that its calls got."""
    # curl writes each status to the error output, whatever the example does with the answer.
    (home / ".curlrc").write_text('write-out = "%{stderr}%{http_code}\\n"\nnoproxy = "*"\n', encoding="utf-8")
    script = "".join(f"echo '{MARK}'; echo '{MARK}' >&2\n{example.script}\n" for example in examples)
    done = subprocess.run(
        ["bash", "-c", script.replace(DOCUMENTED_URL, url)],  # noqa: S607
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"HOME": str(home), "CURL_HOME": str(home), "PATH": f"{BASE_DIR / '.venv' / 'bin'}:/usr/bin:/bin"},
    )
    printed, said = (text.split(f"{MARK}\n")[1:] for text in (done.stdout, done.stderr))
    for output, statuses in zip(printed, said, strict=True):
        yield output, statuses.split()


class TestExamples:
    @pytest.mark.skipif(not shutil.which("curl"), reason="the examples of the documentation need curl")
    @pytest.mark.parametrize("page", [README, SETUP], ids=lambda page: page.name)
    def test_curl_examples_answer_as_documented(self, page, live_server, tmp_path):
        examples = find_examples(page)

        results = list(run_examples(examples, live_server.url, tmp_path))

        for example, (printed, statuses) in zip(examples, results, strict=True):
            what = f"{example.script}\n{printed}\n{statuses}"
            assert all(re.fullmatch(r"\d{3}", status) for status in statuses), what
            assert statuses[-1] == (example.status or "200"), what
            if example.answer:
                assert json.loads(printed).keys() == json.loads(example.answer).keys(), what

    @pytest.mark.parametrize("page", [README, SETUP], ids=lambda page: page.name)
    def test_every_block_with_curl_is_found(self, page):
        blocks = [text for kind, text in FENCE.findall(read(page)) if kind == "bash" and "curl " in text]

        examples = find_examples(page)

        assert [example.script for example in examples] == blocks
        assert sum(bool(example.status) for example in examples) >= 4

    @pytest.mark.parametrize("page", [README, SETUP], ids=lambda page: page.name)
    def test_no_call_stands_in_a_block_that_is_not_run(self, page):
        for kind, text in FENCE.findall(read(page)):
            assert kind == "bash" or not re.search(r"^\s*curl ", text, re.MULTILINE), text


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(BASE_DIR).as_posix())
    def test_relative_links_lead_somewhere(self, page):
        prose = FENCE.sub("", read(page))

        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if target.startswith(("http://", "https://", "mailto:")):
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.is_relative_to(BASE_DIR), target
            assert there.exists(), target
            if anchor:
                assert anchor in find_anchors(there), target

    def test_every_page_can_be_reached_from_the_readme(self):
        reached, waiting = set(), [README]
        while waiting:
            page = waiting.pop()
            reached.add(page)
            targets = re.findall(r"\]\(([^)#\s]+\.md)[)#]", read(page))
            near = {(page.parent / target).resolve() for target in targets if "://" not in target}
            waiting += [target for target in near - reached if target.exists()]

        assert [page for page in PAGES if page not in reached] == []


class TestNames:
    def test_management_commands_exist(self):
        known = get_commands().keys()
        for page in PAGES:
            named = set(re.findall(r"manage\.py ([a-z_]+)", read(page)))
            assert sorted(named - known) == [], page

    def test_make_targets_exist(self):
        targets = set(re.findall(r"^([a-z-]+):", read(BASE_DIR / "Makefile"), re.MULTILINE))
        for page in PAGES:
            named = set(re.findall(r"`(?:[A-Z]+=\S+ )*make ([a-z][a-z-]*)", read(page)))
            for kind, text in FENCE.findall(read(page)):
                if kind in {"bash", "text", ""}:
                    named |= set(re.findall(r"^(?:[A-Z]+=\S+ )*make ([a-z][a-z-]*)", text, re.MULTILINE))
            assert sorted(named - targets) == [], page

    def test_settings_exist(self):
        documented = read(BASE_DIR / ".env.example")
        for page in PAGES:
            for name in set(re.findall(r"\b(?:OTP|TWILIO)_[A-Z][A-Z0-9_]*[A-Z0-9]\b(?!_)", read(page))) - {SETUP.stem}:
                plain = name.removesuffix("_FILE")
                assert hasattr(settings, plain) or f"#{plain}=" in documented, f"{page}: {name}"


def find_anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", read(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
