"""What can go wrong with signing in, beside what can go wrong with codes."""

from django.utils.translation import gettext_lazy as _

from otp.exceptions import CodeExpired, IncorrectCode, LimitsUnavailable, OtpError, TooManyAttempts


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


class SignInOver(OtpError):
    """No sign-in is pending: none was begun, its ten minutes are over, or something about the account has changed."""

    code = "not_authenticated"
    http_status = 403
    user_message = _("That sign-in is over. Enter your email and password again.")


class SignInMixedUp(SignInOver):
    """The form belongs to a sign-in that another one, in another tab, has taken the place of."""

    user_message = _("Another sign-in was begun in this browser. Enter your email and password again.")


class StepUpRequired(OtpError):
    """Signed in, but not freshly proven for this step; `methods` says by what the person can be."""

    code = "step_up_required"
    http_status = 403
    user_message = _("Confirm that it is you first.")


class FactorRequired(OtpError):
    """Policy asks this person for a second factor, and none is set up."""

    code = "step_up_required"
    http_status = 403
    user_message = _("Set up a second factor first, in your security settings.")


class FactorsBlocked(TooManyAttempts):
    """Too many wrong codes in a row, over all factors together; `retry_after` says until when."""

    user_message = _("Too many wrong codes in a row.")


class FactorsDisabled(FactorsBlocked):
    """A hundred wrong codes in a row: codes are off until support looks into it, or a factor is set up anew."""

    user_message = _(
        "Codes are switched off for this account after too many wrong ones. Use a passkey, or ask support."
    )


class PasskeyRefused(IncorrectCode):
    """The passkey proves nothing here: not the person's, another site's, not unlocked, or not what it signed."""

    user_message = _("That passkey wasn’t accepted. Try again, or choose another way.")


class PasskeyCopied(PasskeyRefused):
    """Everything about the passkey is right, but its counter stayed or went back, as that of a copy does."""

    user_message = _("That passkey was refused: it may have been copied. Choose another way, then remove that passkey.")


class PasskeyOver(CodeExpired):
    """No challenge waits for this passkey: it was used, is too old, or belongs to another session or purpose."""

    user_message = _("That request to your passkey has run out. Try again.")


class PasskeyTaken(OtpError):
    """The passkey is set up already."""

    code = "conflict"
    http_status = 409
    user_message = _("That passkey is set up already.")


class TooManyPasskeys(OtpError):
    """The account has as many passkeys as one can have."""

    code = "conflict"
    http_status = 409
    user_message = _("Your account has as many passkeys as it can have. Remove one first.")


class PolicyForbids(OtpError):
    """The person may not do that themself."""

    code = "conflict"
    http_status = 409
    user_message = _("Your organization requires a second factor for this account. Ask support to change that.")


class LastFactor(OtpError):
    """The second factor would have nothing left to rest on."""

    code = "conflict"
    http_status = 409
    user_message = _("That is your last way to sign in with a second factor. Set up another first, or turn it off.")


class LinkOver(OtpError):
    """A link from a mail that is forged, too old, or was used."""

    code = "not_found"
    http_status = 404
    user_message = _("That link is no longer good. If something is wrong with your account, reset your password.")
