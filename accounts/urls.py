"""Addresses of people's pages, under `/accounts/`."""

from django.urls import path

from accounts.views import login, password_reset, registration

app_name = "accounts"

urlpatterns = [
    path("register/", registration.register, name="register"),
    path("register/code/", registration.register_code, name="register-code"),
    path("register/code/resend/", registration.register_resend, name="register-resend"),
    path("register/done/", registration.register_done, name="register-done"),
    path("login/", login.login, name="login"),
    path("logout/", login.logout, name="logout"),
    path("logout/done/", login.logout_done, name="logout-done"),
    path("password-reset/", password_reset.reset, name="password-reset"),
    path("password-reset/code/", password_reset.reset_code, name="password-reset-code"),
    path("password-reset/code/resend/", password_reset.reset_resend, name="password-reset-resend"),
    path("password-reset/done/", password_reset.reset_done, name="password-reset-done"),
]
