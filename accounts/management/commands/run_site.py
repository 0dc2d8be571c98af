"""`make run`: bring the database up to date, make a staff login, say where everything is, and serve."""

import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import Command as RunserverCommand
from django.core.management import BaseCommand, CommandError, call_command
from django.core.servers.basehttp import WSGIServer
from django.utils import timezone
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV
from django.utils.crypto import salted_hmac

from accounts.factors import phone
from accounts.models import User

DEMO_EMAIL = "demo@smartfin.example"
DEMO_PHONE = "+12025550100"


class Server(WSGIServer):
    # Django's own lets ten wait and cuts off the rest, which a handful of browser tabs can reach.
    request_queue_size = 128


class Runserver(RunserverCommand):
    server_cls = Server


class Command(BaseCommand):
    help = "Run a development site: migrate, make the demo staff login, print the addresses, serve."

    def handle(self, *args: Any, **options: Any) -> None:
        # The reloader starts this command anew in a process of its own for each change of the code.
        if DJANGO_AUTORELOAD_ENV not in os.environ:  # noqa: TID251  the reloader's own mark, no setting of ours
            self.prepare()
        call_command(Runserver(), f"127.0.0.1:{settings.PORT}", skip_checks=True)

    def prepare(self) -> None:
        # SECURITY: a login whose password is printed has no place on a site that people use.
        if not settings.DEBUG:
            raise CommandError("This is for development only; DEBUG is off.")
        call_command("migrate", verbosity=0)
        password = self.make_demo_staff()
        rows = {
            "Try a code": "/",
            "Register": "/accounts/register/",
            "API": "/api/",
            "API docs": "/api/docs",
            "Admin": f"/admin/   sign in as {DEMO_EMAIL} with password {password}",
            "": f"/sandbox/   the code for it comes here, as for {DEMO_PHONE}",
        }
        if settings.OTP_SANDBOX:
            rows["Sandbox inbox"] = "/sandbox/   every code that was sent; no message leaves this machine"
        self.stdout.write(f"\nSmartFin on {settings.SITE_URL}\n\n")
        for name, path in rows.items():
            self.stdout.write(f"  {name:<15} {settings.SITE_URL}{path}")
        if settings.OTP_SANDBOX:
            self.stdout.write("\nSixty days of made-up history for the admin site, from a second terminal: make demo\n")
            self.stdout.write("The sandbox speaks Twilio Verify; other clients can use it with\n\n")
            self.stdout.write(f"Base URL {settings.SITE_URL}/sandbox/twilio")
            self.stdout.write(f"Account SID {settings.TWILIO_ACCOUNT_SID}")
            self.stdout.write(f"Auth token {settings.TWILIO_AUTH_TOKEN}")
            self.stdout.write(f"Service SID {settings.TWILIO_VERIFY_SERVICE_SID}")
        self.stdout.write("")
        self.stdout.flush()

    def make_demo_staff(self) -> str:
        """Make the login, or mend its password. It follows from SECRET_KEY, so it is the same at every start."""
        password = salted_hmac("accounts.demo_staff", DEMO_EMAIL).hexdigest()[:20]
        user = User.objects.filter(email=DEMO_EMAIL).first()
        if user is None:
            user = User.objects.create_superuser(
                DEMO_EMAIL, password, phone=DEMO_PHONE, phone_verified_at=timezone.now(), two_factor_enabled=True
            )
            phone.enrol(user)
        elif not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        return password
