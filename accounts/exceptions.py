"""What can go wrong with signing in, beside what can go wrong with codes."""

from django.utils.translation import gettext_lazy as _

from otp.exceptions import LimitsUnavailable, OtpError


class SignInRefused(OtpError):
    """No such account, another password, or an account that is switched off: the three look alike."""

    code = "not_authenticated"
    http_status = 403
    user_message = _("E-mail or password isn’t right. Check both and try again.")


class SignInUnavailable(LimitsUnavailable):
    """The store that failures are counted in is down: nobody signs in uncounted."""

    user_message = _("Signing in isn’t possible right now. Try again in a moment.")


class CsrfTokenMissing(OtpError):
    """A call of the session that is not shown to come from a page of ours."""

    code = "not_authenticated"
    http_status = 403
    user_message = _("Send the csrf_token of GET /api/session as the X-CSRFToken header, together with its cookie.")
