"""What a message says: brand, code, a warning not to share it; never a link."""

from dataclasses import dataclass

from otp.sandbox.calls import Call
from otp.sandbox.errors import ApiError, InvalidParameter
from otp.sandbox.message_templates import fill, find_text
from otp.sandbox.models import Service, Verification
from otp.sandbox.numbers import country_of

# Twilio: https://www.twilio.com/docs/verify/supported-languages
# fmt: off
LOCALES = (
    "af", "ar", "ca", "zh", "zh-CN", "zh-HK", "hr", "cs", "da", "nl", "en", "en-GB", "et", "fi", "fr", "de", "el",
    "he", "hi", "hu", "id", "it", "ja", "kn", "ko", "lt", "ms", "mr", "nb", "pl", "pt", "pt-BR", "ro", "ru", "sk",
    "es", "sv", "tl", "te", "th", "tr", "uk", "vi",
)
# fmt: on
LANGUAGE_BY_COUNTRY = {
    **dict.fromkeys(("AR", "BO", "CL", "CO", "CR", "DO", "EC", "ES", "GT", "HN", "MX", "NI", "PA", "PE"), "es"),
    **dict.fromkeys(("PR", "PY", "SV", "UY", "VE"), "es"),
    **dict.fromkeys(("AT", "DE", "LI"), "de"),
    **dict.fromkeys(("FR", "MC", "SN"), "fr"),
    **dict.fromkeys(("AO", "BR", "MZ", "PT"), "pt"),
}
TTL_MINUTES = 10
SUBJECT = "Your {{friendly_name}} verification code"

CODE = {
    "en": "Your {{friendly_name}} verification code is: {{code}}.",
    "es": "Tu código de verificación de {{friendly_name}} es: {{code}}.",
    "fr": "Votre code de vérification {{friendly_name}} est : {{code}}.",
    "de": "Dein Bestätigungscode für {{friendly_name}} lautet: {{code}}.",
    "pt": "O seu código de verificação {{friendly_name}} é: {{code}}.",
}
PAYMENT = {
    "en": "Your {{friendly_name}} code to authorize {{amount}} to {{payee}} is: {{code}}.",
    "es": "Tu código de {{friendly_name}} para autorizar {{amount}} a {{payee}} es: {{code}}.",
    "fr": "Votre code {{friendly_name}} pour autoriser {{amount}} à {{payee}} est : {{code}}.",
    "de": "Dein Code von {{friendly_name}} für die Freigabe von {{amount}} an {{payee}} lautet: {{code}}.",
    "pt": "O seu código {{friendly_name}} para autorizar {{amount}} a {{payee}} é: {{code}}.",
}
WARNING = {
    "en": "Don't share it with anyone.",
    "es": "No lo compartas con nadie.",
    "fr": "Ne le partagez avec personne.",
    "de": "Gib ihn an niemanden weiter.",
    "pt": "Não o partilhe com ninguém.",
}
AGAIN = {
    "en": "Once more, your code is: {{code}}.",
    "es": "Una vez más, tu código es: {{code}}.",
    "fr": "Encore une fois, votre code est : {{code}}.",
    "de": "Noch einmal, dein Code lautet: {{code}}.",
    "pt": "Mais uma vez, o seu código é: {{code}}.",
}


@dataclass(frozen=True)
class Wording:
    """What one send says, ready but for the code."""

    locale: str
    brand: str
    text: str
    app_hash: str

    def body(self, verification: Verification) -> str:
        code = verification.code
        values = {
            "friendly_name": self.brand,
            "code": ", ".join(code) if verification.channel == "call" else code,
            "ttl": str(TTL_MINUTES),
            "amount": verification.amount,
            "payee": verification.payee,
        }
        body = fill(self.text, values)
        # Twilio: the mark and the hash by which Android's SMS Retriever finds its message.
        return f"<#> {body} {self.app_hash}" if self.app_hash else body

    def subject(self, verification: Verification) -> str:
        return fill(SUBJECT, {"friendly_name": self.brand}) if verification.channel == "email" else ""


def read_wording(call: Call, service: Service, *, to: str, channel: str) -> Wording:
    """Read everything about a send that shapes its words.

    :raises ApiError: 60200 and 602xx for a locale, a template or a hash that cannot be used.
    """
    locale = read_locale(call, to)
    language = locale.partition("-")[0]
    # Twilio: e-mail is not localised.
    language = language if language in CODE and channel != "email" else "en"
    chosen = find_text(call, channel=channel, locale=language, default_sid=service.default_template_sid)
    app_hash = call.text("AppHash", longest=11)
    if app_hash and channel != "sms":
        raise ApiError(60602)
    return Wording(
        locale=locale,
        brand=call.text("CustomFriendlyName", longest=30) or service.friendly_name,
        text=chosen or _built_in(service, language, channel),
        app_hash=app_hash,
    )


def read_locale(call: Call, to: str) -> str:
    """Take the locale asked for, or else the language of the number's country."""
    asked = call.text("Locale")
    if not asked:
        return LANGUAGE_BY_COUNTRY.get(country_of(to), "en")
    known = {locale.lower(): locale for locale in LOCALES}
    if asked.lower() in known:
        return known[asked.lower()]
    if call.state.switch("unsupported_locale") == "not_found":
        raise call.missing()
    raise InvalidParameter("Locale")


def _built_in(service: Service, language: str, channel: str) -> str:
    parts = [PAYMENT[language] if service.psd2_enabled else CODE[language]]
    if channel == "call":
        parts.append(AGAIN[language])
    if service.do_not_share_warning_enabled:
        parts.append(WARNING[language])
    return " ".join(parts)
