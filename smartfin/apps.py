"""Which admin site this project has."""

from django.contrib.admin.apps import AdminConfig


class StaffSiteConfig(AdminConfig):
    """Django's admin, on the site that opens to proven staff alone."""

    default_site = "accounts.staff_site.StaffSite"
