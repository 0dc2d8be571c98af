"""Every visible string can be translated, and Spanish is complete."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.test import Client

from accounts.tests.people import make_person, sign_in_staff, with_backup_codes, with_totp

LOCALE = Path(settings.BASE_DIR) / "locale"
CATALOG = LOCALE / "es/LC_MESSAGES/django.po"
MARKS = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?[a-z]+[^>]*>|https?://\S+")


@pytest.fixture(scope="module")
def catalog() -> polib.POFile:
    return polib.pofile(str(CATALOG))


def texts(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


class TestSpanish:
    def test_has_a_translation_of_every_string(self, catalog: polib.POFile) -> None:
        assert [e.msgid for e in catalog if not all(texts(e)) or e.fuzzy or e.obsolete] == []

    def test_keeps_placeholders_and_tags(self, catalog: polib.POFile) -> None:
        for entry in catalog:
            one, many = (set(MARKS.findall(msgid)) for msgid in (entry.msgid, entry.msgid_plural or entry.msgid))
            for number, text in enumerate(texts(entry)):
                assert set(MARKS.findall(text)) == (many if number else one), entry.msgid

    def test_the_compiled_catalog_is_the_written_one(self, catalog: polib.POFile) -> None:
        compiled = polib.mofile(str(CATALOG.with_suffix(".mo")))

        assert {(e.msgctxt, e.msgid): texts(e) for e in compiled} == {
            (e.msgctxt, e.msgid): texts(e) for e in catalog
        }, "run make messages"


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs gettext (apt-get install gettext)")
def test_the_catalog_holds_every_string_of_the_code(catalog: polib.POFile, tmp_path: Path) -> None:
    """Extract anew from a copy of the code, as `make messages` does, and compare."""
    kept_out = shutil.ignore_patterns(".*", "var", "docs", "tests", "*.pyc", "__pycache__", "node_modules")
    shutil.copytree(settings.BASE_DIR, tmp_path / "code", ignore=kept_out)
    command = [
        sys.executable,
        "manage.py",
        "makemessages",
        "-l",
        "es",
        "--no-obsolete",
        "--settings",
        settings.SETTINGS_MODULE,
    ]
    subprocess.run(command, cwd=tmp_path / "code", check=True, capture_output=True)

    extracted = polib.pofile(str(tmp_path / "code" / CATALOG.relative_to(settings.BASE_DIR)))
    missing = {e.msgid for e in extracted} - {e.msgid for e in catalog}
    assert not missing, "run make messages, then translate what is empty in locale/es"
    assert not {e.msgid for e in catalog} - {e.msgid for e in extracted}, "run make messages"


# Pages for developers alone: the sandbox's inbox and the page around Swagger.
ENGLISH_ALONE = {"otp/sandbox/templates/sandbox/inbox.html", "templates/drf_spectacular/swagger_ui.html"}
TRANSLATED = re.compile(
    r"{% block (?:bodyclass|coltype) %}.*?{% endblock %}"
    r"|{% (blocktranslate|comment)\b.*?{% end\1 %}|{#.*?#}|{% (?:translate|include) [^%]*%}|{%.*?%}|{{.*?}}",
    re.DOTALL,
)
SPOKEN = ("aria-label", "alt", "title", "placeholder", "summary")


class UntranslatedText(HTMLParser):
    """Collects what a person would read or hear of a template whose translated parts were taken out."""

    def __init__(self, template: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.silent = 0
        self.feed(TRANSLATED.sub("", template))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("code", "pre", "script", "style")
        self.found += [value for name, value in attrs if name in SPOKEN and value and re.search("[a-z]{2}", value)]

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data: str) -> None:
        text = data.replace("SmartFin", "").replace("UTC", "").strip()
        if not self.silent and not text.startswith("/") and re.search("[A-Za-z]{2}", text):
            self.found.append(text)


def templates() -> list[str]:
    found = [path for app in ("templates", "otp", "accounts") for path in Path(settings.BASE_DIR, app).rglob("*")]
    names = {str(path.relative_to(settings.BASE_DIR)) for path in found if path.suffix in (".html", ".txt")}
    return sorted(name for name in names if "templates/" in name and name not in ENGLISH_ALONE)


@pytest.mark.parametrize("name", templates())
def test_a_template_has_no_text_outside_of_translation(name: str) -> None:
    assert UntranslatedText(Path(settings.BASE_DIR, name).read_text()).found == []


PAGES = [
    "/",
    "/accounts/register/",
    "/accounts/login/",
    "/accounts/password-reset/",
    "/accounts/security/",
    "/accounts/security/two-factor/",
    "/accounts/security/backup-codes/",
    "/nowhere/",
]


@pytest.mark.django_db
class TestPagesInSpanish:
    @pytest.fixture
    def page_texts(self) -> dict[str, str]:
        person = with_totp(make_person("ana@example.com", is_staff=True))
        with_backup_codes(person)
        client = sign_in_staff(Client(headers={"accept-language": "es"}), person)
        return {path: client.get(path, follow=True).content.decode() for path in PAGES}

    def test_say_their_language(self, page_texts: dict[str, str]) -> None:
        for path, text in page_texts.items():
            assert '<html lang="es"' in text, path

    def test_show_no_english(self, page_texts: dict[str, str], catalog: polib.POFile) -> None:
        """Finds what was translated when the module was read, or not at all though the catalog has it."""
        english = [e.msgid for e in catalog if len(e.msgid) > 15 and e.msgid not in texts(e) and "%" not in e.msgid]
        for path, text in page_texts.items():
            assert [msgid for msgid in english if msgid in text] == [], path
