"""All addresses of the site, and the example's."""

from django.urls import include, path

from smartfin import urls
from smartfin.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("transfer/", include("examples.transfer.urls")), *urls.urlpatterns]
