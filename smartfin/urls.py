"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from accounts.middleware import before_enrolment
from accounts.views import login as door
from smartfin import views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("accounts.urls")),
    path("api/", include("accounts.api.urls")),
    path("api/", include("otp.api.urls")),  # the last word on what is below /api/
    # SECURITY: before the admin site's own, which would be a second door.
    path("admin/login/", door.admin_login),
    path("admin/logout/", door.logout),
    # SECURITY: its own takes the old password alone, and tells nobody.
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:password-change")),
    path("admin/", admin.site.urls),
    path("i18n/language/", before_enrolment(login_not_required(set_language)), name="set-language"),
    path("favicon.ico", views.icon),
]
if settings.OTP_SANDBOX:
    urlpatterns.append(path("sandbox/", include("otp.sandbox.urls")))

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
