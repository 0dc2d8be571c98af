#!/usr/bin/env python
"""Django's command line for SmartFin."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "smartfin.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # What to set is what the reader needs; a traceback would bury it.
        sys.exit(str(error))


if __name__ == "__main__":
    main()
