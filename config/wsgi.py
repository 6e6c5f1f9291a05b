"""What the web server calls."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()

# Models can be imported only now.
from config.ahead import read_ahead  # noqa: E402, F401 (for config.web)
from scheduling.front import Front  # noqa: E402

application = Front(django)
