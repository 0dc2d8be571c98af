"""Addresses of people's pages, under `/accounts/`."""

from django.urls import path

from accounts.views import (
    factors,
    login,
    passkeys,
    password_change,
    password_link,
    password_reset,
    phone_change,
    registration,
    security,
    session_time,
    step_up,
)

app_name = "accounts"

urlpatterns = [
    path("register/", registration.register, name="register"),
    path("register/code/", registration.register_code, name="register-code"),
    path("register/code/resend/", registration.register_resend, name="register-resend"),
    path("register/done/", registration.register_done, name="register-done"),
    path("login/", login.login, name="login"),
    path("login/code/", login.login_code, name="login-code"),
    path("login/code/resend/", login.login_resend, name="login-resend"),
    path("logout/", login.logout, name="logout"),
    path("logout/done/", login.logout_done, name="logout-done"),
    path("password-reset/", password_reset.reset, name="password-reset"),
    path("password-reset/code/", password_reset.reset_code, name="password-reset-code"),
    path("password-reset/code/resend/", password_reset.reset_resend, name="password-reset-resend"),
    path("password-reset/proof/", password_reset.reset_proof, name="password-reset-proof"),
    path("password-reset/proof/resend/", password_reset.reset_proof_resend, name="password-reset-proof-resend"),
    path("password-reset/done/", password_reset.reset_done, name="password-reset-done"),
    path("session/", session_time.session_time, name="session-time"),
    path("password-link/", password_link.choose, name="password-link"),
    path("password-link/<str:token>/", password_link.link, name="password-link-open"),
    path("confirm/", step_up.confirm, name="confirm"),
    path("confirm/send/", step_up.confirm_send, name="confirm-send"),
    path("security/", security.overview_page, name="security"),
    path("security/two-factor/", security.two_factor_page, name="two-factor"),
    path("security/two-factor/switch/", security.two_factor_switch, name="two-factor-switch"),
    path("security/channel/", security.channel, name="channel"),
    path("security/sessions/end/", security.end_other_sessions, name="end-sessions"),
    path("security/password/", password_change.change, name="password-change"),
    path("security/totp/", factors.add_totp, name="totp"),
    path("security/phone/", factors.add_phone, name="phone-factor"),
    path("security/passkey/", passkeys.add, name="passkey"),
    path("security/passkey/<int:pk>/name/", passkeys.rename, name="passkey-name"),
    path("security/backup-codes/", factors.backup_codes, name="backup-codes"),
    path("security/<str:method>/<int:pk>/remove/", factors.remove, name="factor-remove"),
    path("phone-change/", phone_change.change, name="phone-change"),
    path("phone-change/code/", phone_change.change_code, name="phone-change-code"),
    path("phone-change/code/resend/", phone_change.change_resend, name="phone-change-resend"),
    path("phone-change/stop/", phone_change.stop, name="phone-change-stop"),
    path("phone-change/stop/<str:token>/", phone_change.stop_link, name="phone-change-stop-link"),
]
