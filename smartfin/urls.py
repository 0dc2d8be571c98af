"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from smartfin import views

urlpatterns = [
    path("", views.home, name="home"),
    path("api/", include("otp.api.urls")),
    path("admin/", admin.site.urls),
    path("favicon.ico", views.icon),
]
if settings.OTP_SANDBOX:
    urlpatterns.append(path("sandbox/", include("otp.sandbox.urls")))

handler400 = views.bad_request
handler403 = views.permission_denied
handler404 = views.page_not_found
handler500 = views.server_error
