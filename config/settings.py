"""All settings, in one file, read once from the environment.

Every variable has a row in docs/reference/settings.md; contradictions are refused by config/checks.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from environs import FileAwareEnv

from config import embedded, logs, providers

BASE_DIR = Path(__file__).resolve().parent.parent

env = FileAwareEnv()

# -- Place and identity ---------------------------------------------------------------------------------------------

LIHU_HOME = Path(env.str("LIHU_HOME", "") or "var").expanduser()
if not LIHU_HOME.is_absolute():
    LIHU_HOME = BASE_DIR / LIHU_HOME
PORT = env.int("PORT", 8000)
PUBLIC_URL = env.str("PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
SITE_NAME = env.str("SITE_NAME", "Lihu")
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or embedded.secret_key(LIHU_HOME)
# The public address, and what reaches a machine from itself: health checks and trying it out.
ALLOWED_HOSTS = [
    *{_public.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"},
    *env.list("ALLOWED_HOSTS", []),
]
CSRF_TRUSTED_ORIGINS = [f"{_public.scheme}://{_public.netloc}"]
BEHIND_PROXY = env.bool("BEHIND_PROXY", False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# -- Services --------------------------------------------------------------------------------------------------------

_services = embedded.service_urls(LIHU_HOME)
DATABASE_URL = env.str("DATABASE_URL", "") or (_services.database_url if _services else "")
REDIS_URL = env.str("REDIS_URL", "") or (_services.redis_url if _services else "")

# Web processes keep their connections in a pool; a process that forks (the worker) must not share one.
DATABASE_POOL = env.bool("DATABASE_POOL", False)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        # Without a running service the name alone is set, so that checks that need no database still work.
        **dict(dj_database_url.parse(DATABASE_URL or "postgresql:///lihu", conn_max_age=0 if DATABASE_POOL else 60)),
        "ATOMIC_REQUESTS": False,
        "CONN_HEALTH_CHECKS": not DATABASE_POOL,
    }
}
if DATABASE_POOL:
    DATABASES["default"]["OPTIONS"] = {
        **DATABASES["default"].get("OPTIONS", {}),
        "pool": {"min_size": 2, "max_size": env.int("DATABASE_POOL_SIZE", 16), "timeout": 20},
    }
# What a pooler in front that pools transactions cannot keep (`common.statements`).
DATABASE_PREPARE = env.bool("DATABASE_PREPARE", True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": {
        "BACKEND": "common.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL or "redis://127.0.0.1:1/0",
        "KEY_PREFIX": env.str("REDIS_PREFIX", "lihu"),
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
    }
}

CELERY_BROKER_URL = REDIS_URL or "redis://127.0.0.1:1/0"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": env.str("REDIS_PREFIX", "lihu") + ":celery:",
    "visibility_timeout": 3600,
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A wake-up that cannot be placed at once is dropped: the sweepers find the work in the database.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Whatever a task has left in memory, another process takes its place. In kB.
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 190_000
CELERY_BEAT_SCHEDULER = "config.beat:Scheduler"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# -- Mail ------------------------------------------------------------------------------------------------------------

# smtp://host:port, smtp+tls://user:pass@host:587 (STARTTLS), smtp+ssl://user:pass@host:465; empty: the built-in mailbox.
SMTP_URL = env.str("SMTP_URL", "")
MAIL_FROM = env.str("MAIL_FROM", f"noreply@{_public.hostname or 'localhost'}")
SMTP_TIMEOUT = env.int("SMTP_TIMEOUT", 20)
# 0: no limit.
MAIL_PER_MINUTE = env.int("MAIL_PER_MINUTE", 0)
MAIL_PER_MINUTE_AND_EVENT = env.int("MAIL_PER_MINUTE_AND_EVENT", 0)
MAIL_PER_MINUTE_AND_HOST = env.int("MAIL_PER_MINUTE_AND_HOST", 0)
# Instead of SMTP: a provider's own API, see config/providers.py.
MAIL_PROVIDER = env.str("MAIL_PROVIDER", "").lower()
MAIL_PROVIDER_KEY = env.str("MAIL_PROVIDER_KEY", "")
MAIL_PROVIDER_SECRET = env.str("MAIL_PROVIDER_SECRET", "")
MAIL_PROVIDER_DOMAIN = env.str("MAIL_PROVIDER_DOMAIN", "")
MAIL_PROVIDER_URL = env.str("MAIL_PROVIDER_URL", "")
MAIL_PROVIDER_WEBHOOK_SECRET = env.str("MAIL_PROVIDER_WEBHOOK_SECRET", "")
# Without a secret nobody may report.
MAIL_PROVIDER_TRACKING = providers.tracking_view(MAIL_PROVIDER) if MAIL_PROVIDER_WEBHOOK_SECRET else ""
ANYMAIL = providers.anymail_settings(
    MAIL_PROVIDER,
    key=MAIL_PROVIDER_KEY,
    secret=MAIL_PROVIDER_SECRET,
    domain=MAIL_PROVIDER_DOMAIN,
    url=MAIL_PROVIDER_URL,
    webhook_secret=MAIL_PROVIDER_WEBHOOK_SECRET,
    timeout=SMTP_TIMEOUT,
)
DEFAULT_FROM_EMAIL = f"{SITE_NAME} <{MAIL_FROM}>"
SERVER_EMAIL = MAIL_FROM
# Everything that Django or a library mails (sign-in codes, password resets) goes through the same ledger.
EMAIL_BACKEND = "notifications.backends.LedgerBackend"

# -- Applications ----------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "common",
    "accounts",
    "notifications",
    "events",
    "submissions",
    "scheduling",
    "registrations",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "django_filters",
    "django_cotton",
    "django_htmx",
    "django_countries",
    "heroicons",
    "i18nfield",
    "csp",
    "django_structlog",
    "whitenoise.runserver_nostatic",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "common.middleware.HealthMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.PolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "common.middleware.LanguageMiddleware",
    "common.middleware.RefuseControlCharactersMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "common.middleware.RequestLogMiddleware",
    "common.middleware.OneEffectMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
FORM_RENDERER = "common.forms.Renderer"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "django.templatetags.i18n",
                "django.templatetags.static",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "common.context.site",
                "events.context.organizing",
            ],
        },
    }
]
COTTON_DIR = "components"
# A component sees what it is given and what context processors give, never a variable of the page by accident.
COTTON_ISOLATE_BY_DEFAULT = True

# -- People ----------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/me/"
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.forms.SignupForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_UNIQUE_EMAIL = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Somebody whose password or keys were changed hears of it.
ACCOUNT_EMAIL_NOTIFICATIONS = True
# A whole campus may come from one address: what counts per address is generous, what counts per account is not.
ACCOUNT_RATE_LIMITS = {
    "login": "600/m/ip",
    "login_failed": "100/m/ip,5/5m/key",
    "signup": "200/m/ip",
    "request_login_code": "300/m/ip,3/m/key",
    "reset_password": "100/m/ip,5/m/key",
    "reset_password_from_key": "100/m/ip",
    # Changes of readers' own agendas, which need no account.
    "agenda": "600/m/ip",
}
# The client's address counts only where a trusted proxy states it.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", 1 if BEHIND_PROXY else 0)
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = SITE_NAME
# Browsers allow passkeys over plain HTTP on localhost only, and so do we.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _public.scheme == "http"

# -- Security --------------------------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "lihu_session"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
CSRF_COOKIE_NAME = "lihu_csrf"
CSRF_FAILURE_VIEW = "common.views.csrf_failure"
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if _public.scheme == "https" else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    feature: [] for feature in ("camera", "microphone", "geolocation", "payment", "usb", "accelerometer", "gyroscope")
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 40 * 1024 * 1024
# A group of fifty, each with a hundred fields, or with ten files.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
DATA_UPLOAD_MAX_NUMBER_FILES = 500
FILE_UPLOAD_MAX_MEMORY_SIZE = 40 * 1024 * 1024

# -- Languages and time ----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_NAME = "lihu_language"
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
# The zone of a new event, and of pages that belong to no event.
CAMPUS_TIME_ZONE = env.str("CAMPUS_TIME_ZONE", "Asia/Shanghai")
CAMPUS_NAME = env.str("CAMPUS_NAME", "") or _("the campus")

# -- Static files ----------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", "") or LIHU_HOME / "static")
STATICFILES_DIRS: list[Path | tuple[str, Path]] = [BASE_DIR / "static"]
if (BASE_DIR / "node_modules" / "htmx.org" / "dist").is_dir():
    # The browser packages of package-lock.json: only the files that pages use.
    STATICFILES_DIRS.append(("vendor/htmx", BASE_DIR / "node_modules" / "htmx.org" / "dist"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or "pytest" in sys.modules
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or "pytest" in sys.modules
MEDIA_ROOT = LIHU_HOME / "media"

# -- API -------------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "knox.auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["common.api.parsers.Json"],
    "DEFAULT_PAGINATION_CLASS": "common.api.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "common.api.schema.Schema",
    "EXCEPTION_HANDLER": "common.api.errors.problem_response",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {
    "TOKEN_TTL": None,
    "AUTH_HEADER_PREFIX": "Token",
    "AUTO_REFRESH": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Lihu API",
    "DESCRIPTION": "Events, programmes, registrations and messages of a campus. See docs/reference/api.md.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "CampaignState": "notifications.models.CampaignState",
        "EventKind": "events.models.EventKind",
        "EventState": "events.models.EventState",
        "Language": "django.conf.settings.LANGUAGES",
        "MessageState": "notifications.models.MessageState",
        "QuestionKind": "registrations.models.QuestionKind",
        "RegistrationState": "registrations.models.RegistrationState",
        "SlotKind": "scheduling.models.SlotKind",
        "SubmissionKind": "submissions.models.SubmissionKind",
        "SubmissionState": "submissions.models.SubmissionState",
    },
}

# -- Logs ------------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", "INFO").upper()
logs.configure(LOG_LEVEL)
LOGGING = logs.logging_config(LOG_LEVEL)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
# auth.W004: addresses are unique regardless of case, by the constraint accounts_user_one_per_address.
# security.W005, W008, W021: whether its subdomains and its plain address belong to it is for the campus to say, at its proxy.
SILENCED_SYSTEM_CHECKS = ["auth.W004", "security.W005", "security.W008", "security.W021"]

env.seal()
