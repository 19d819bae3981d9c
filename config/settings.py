"""Settings, read from the environment (see `.env.example`, which documents each variable)."""

from hashlib import sha256
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from helpdesk.core import embedded
from helpdesk.core.secret import secret_key

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

# State of everything that runs without an external server: databases, logs, uploads, collected files.
VAR = Path(env.str("HELPDESK_VAR", default=str(BASE_DIR / "var"))).resolve()
# The demonstration: known passwords, plain HTTP on loopback, staff without a second factor.
DEMO = env.bool("DEMO", default=False)
DEBUG = env.bool("DEBUG", default=False)
SECURE = env.bool("SECURE", default=not (DEMO or DEBUG))

SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key(VAR / "secret-key")
# Keys of before: what they signed or sealed is still read.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# What secrets in the database are sealed with, long random texts; the first one seals. None: SECRET_KEY does.
FIELD_KEYS = env.list("FIELD_KEYS", default=[])
if any(len(key) < 32 for key in FIELD_KEYS):
    raise ImproperlyConfigured("FIELD_KEYS: each key needs 32 characters at least.")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Absolute address of the portal, for links in mails.
SITE_URL = env.str("SITE_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}").rstrip("/")
SITE_NAME = env.str("SITE_NAME", default="Premium Support")

INSTALLED_APPS = [
    "helpdesk.workspace.apps.WorkspaceConfig",  # django.contrib.admin with this project's site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # for allauth's pages
    "django.contrib.postgres",
    "django.forms",  # its templates, for FORM_RENDERER
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "crispy_forms",
    "django_htmx",
    "csp",
    "helpdesk",
]

MIDDLEWARE = [
    "helpdesk.core.middleware.IncidentMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "helpdesk.core.maintenance.MaintenanceMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "helpdesk.accounts.middleware.ReaderMiddleware",
    "helpdesk.core.middleware.OpenedActMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Closed for work on it; the file does the same without a restart (helpdesk/core/maintenance.py).
MAINTENANCE = env.bool("MAINTENANCE", default=False)
MAINTENANCE_FILE = env.str("MAINTENANCE_FILE", default=str(VAR / "maintenance"))

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "helpdesk.core.context.site",
                "helpdesk.portal.context.own",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database, broker, cache ---------------------------------------------------------------------
DATABASES = {"default": env.db("DATABASE_URL", default=embedded.database_url(VAR))}
DATABASES["default"].update(
    ENGINE="django.db.backends.postgresql",
    CONN_HEALTH_CHECKS=True,
    ATOMIC_REQUESTS=False,
)
# Threads of an ASGI server come and go: a pool bounds the connections, and outlives a thread.
DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
    "min_size": 0,
    "max_size": env.int("DATABASE_POOL", default=8),
    "timeout": 10,
    # By default the pauses between two attempts grow for five minutes: a database that is back after
    # one minute stayed out of reach for another. No longer than a request waits, and then anew.
    "reconnect_timeout": 10,
}
# Only what asks for it is prepared (helpdesk/core/prepared.py); 0 where a pooler in between can't have that.
DATABASES["default"]["OPTIONS"]["prepare_threshold"] = (
    1_000_000 if env.bool("DATABASE_PREPARES", default=True) else None
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default=embedded.redis_url(VAR))
# Open screens. Publish and subscribe know no database numbers: the prefix parts installations that share a Redis.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "helpdesk.core.layer.Layer",
        "CONFIG": {
            "hosts": [{"address": REDIS_URL, "health_check_interval": 15}],
            "prefix": f"helpdesk-{sha256(f'channel layer {SECRET_KEY}'.encode()).hexdigest()[:16]}-",
        },
    }
}
CACHES = {
    "default": {
        "BACKEND": "helpdesk.core.cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "helpdesk",
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }
}

# --- Accounts ------------------------------------------------------------------------------------
SESSION_ENGINE = "helpdesk.accounts.sessions"
AUTH_USER_MODEL = "helpdesk.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "after_login"
ACCOUNT_ADAPTER = "helpdesk.accounts.adapter.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "helpdesk.accounts.oidc.SocialAdapter"
# Besides allauth's own.
ACCOUNT_RATE_LIMITS = {"company_sign_in": "30/m/ip", "company_answer": "300/m/ip", "verify_statement": "20/m/ip"}
ACCOUNT_FORMS = {
    "login": "helpdesk.accounts.sign_in_forms.LoginForm",
    "reset_password": "helpdesk.accounts.sign_in_forms.ResetForm",
    "reset_password_from_key": "helpdesk.accounts.sign_in_forms.NewPasswordForm",
    "change_password": "helpdesk.accounts.sign_in_forms.ChangePasswordForm",
    "set_password": "helpdesk.accounts.sign_in_forms.SetPasswordForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # strangers get no mail because somebody typed their address
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = None
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
# A passkey is a second factor in itself: it is unlocked on the device, by a finger or a number.
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE  # on this machine only: browsers offer no passkeys elsewhere
MFA_FORMS = {
    "activate_totp": "helpdesk.accounts.factor_forms.SetUpAppForm",
    "add_webauthn": "helpdesk.accounts.factor_forms.AddPasskeyForm",
    "edit_webauthn": "helpdesk.accounts.factor_forms.RenamePasskeyForm",
    "login_webauthn": "helpdesk.accounts.factor_forms.PasskeyLoginForm",
    "authenticate_webauthn": "helpdesk.accounts.factor_forms.PasskeyForm",
    "reauthenticate_webauthn": "helpdesk.accounts.factor_forms.PasskeyAgainForm",
    "authenticate": "helpdesk.accounts.factor_forms.CodeForm",
    "reauthenticate": "helpdesk.accounts.factor_forms.CodeAgainForm",
}
MFA_TOTP_ISSUER = SITE_NAME
MFA_ADAPTER = "helpdesk.accounts.adapter.FactorAdapter"
# Nobody signs up by themselves: an address comes by invitation or from staff. allauth writes rows of addresses down as
# unverified on the way (a new password, say), and would then refuse a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a person hears of changes to how they sign in
# Staff reach the workspace only with a second factor.
STAFF_MFA_REQUIRED = env.bool("STAFF_MFA_REQUIRED", default=not DEMO)

# --- Language, time ------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "config.formats"
LANGUAGE_COOKIE_SAMESITE = "Lax"
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# --- Files ---------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": VAR / "uploads"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
if DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True

# --- Mail ----------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="filemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 15
EMAIL_FILE_PATH = EMAIL_CONFIG.get("EMAIL_FILE_PATH") or str(VAR / "mail")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Premium Support <support@premium.example>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
# Replies to reply+TOKEN@… come back into the ticket that the token names.
REPLY_DOMAIN = env.str("REPLY_DOMAIN", default="reply.premium.example")

# --- Forms ---------------------------------------------------------------------------------------
CRISPY_ALLOWED_TEMPLATE_PACKS = ["portal"]
CRISPY_TEMPLATE_PACK = "portal"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 7_000  # a calendar of 2,000 days, with date, name and hours each
# A public reply can be taken back for so long after *Send* (decision 17); 0: it leaves at once.
REPLY_UNDO_SECONDS = env.int("REPLY_UNDO_SECONDS", default=10)
# Files of a message: how large one may be, how many there may be, and how much of them (bytes) a mail carries.
ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_BYTES", default=20 * 1024 * 1024)
ATTACHMENTS_PER_MESSAGE = env.int("ATTACHMENTS_PER_MESSAGE", default=20)
MAIL_ATTACHMENTS_BYTES = env.int("MAIL_ATTACHMENTS_BYTES", default=10 * 1024 * 1024)
# Files that a customer has put on forms and not sent, all together (bytes).
ATTACHMENTS_WAITING_BYTES = env.int("ATTACHMENTS_WAITING_BYTES", default=200 * 1024 * 1024)
# The virus scanner, ClamAV's clamd: unix:///run/clamav/clamd.ctl or tcp://host:3310; without one files are not scanned.
CLAMD_URL = env.str("CLAMD_URL", default="")
CLAMD_TIMEOUT = env.float("CLAMD_TIMEOUT", default=20.0)  # seconds
# Marks of the mobile app's web view in a user agent (SPEC 2.1): there, support is not available.
MOBILE_APP_MARKERS = env.list("MOBILE_APP_MARKERS", default=["HubMobile/", "PremiumSupportApp/"])
PREMIUM_PHONE = env.str("PREMIUM_PHONE", default="+49 30 5557 0142")
# When calls are made: the name of a calendar; empty: whenever a call's target counts. Pauses, in minutes, before
# the second attempt and those after it; a call that was taken and not dialled goes back after so many minutes.
PHONE_CALENDAR = env.str("PHONE_CALENDAR", default="")
CALLBACK_PAUSES = env.list("CALLBACK_PAUSES", cast=int, default=[15, 30])
CALLBACK_HOLD_MINUTES = env.int("CALLBACK_HOLD_MINUTES", default=10)
# A telephony provider that dials: "twilio", or empty: specialists dial themselves (decision 22).
TELEPHONY = env.str("TELEPHONY", default="")
TWILIO_URL = env.str("TWILIO_URL", default="https://api.twilio.com").rstrip("/")
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")
# Whom customers see calling, and where an answered call is put through to: a number, or an address "sip:…".
TWILIO_FROM = env.str("TWILIO_FROM", default="")
TWILIO_DESK = env.str("TWILIO_DESK", default="")
SALES_CONTACT = env.str("SALES_CONTACT", default="sales@premium.example")

# --- Jobs ----------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=embedded.broker_url(REDIS_URL))
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_PUBLISH_RETRY = False  # beat comes by anyway; a page must not wait for a broker that is down
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker that hangs is given up after seconds: a page that only sends a hint waits no longer.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_timeout": 2, "socket_connect_timeout": 2}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
SWEEP_BATCH = env.int("SWEEP_BATCH", default=500)

# --- Security ------------------------------------------------------------------------------------
# What SLA statements are signed with: 32 bytes as URL-safe base64, else a key of this installation's own. Public
# keys (hexadecimal) of before, so that what they signed still verifies.
STATEMENT_KEY = env.str("STATEMENT_KEY", default="") or secret_key(VAR / "statement-key")
STATEMENT_OLD_KEYS = env.list("STATEMENT_OLD_KEYS", default=[])
# The service's own key pair for SAML (PEM, or its base64 without line ends), where a company's provider wants signed
# requests or encrypts its answers; both or neither.
SAML_KEY = env.str("SAML_KEY", default="", multiline=True)
SAML_CERTIFICATE = env.str("SAML_CERTIFICATE", default="", multiline=True)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "helpdesk.portal.lost.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = SECURE
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# Whose attempts to sign in are counted: the address that the proxy saw, not one that a client made up before it.
ALLAUTH_TRUSTED_PROXY_COUNT = int(BEHIND_PROXY)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31536000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True

# Bearer token that a monitor reads /metrics with; without one the address does not exist.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"incident": {"()": "helpdesk.core.middleware.IncidentFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(incident)s] %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["incident"]},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # The sweep runs each second: a line for each start and end of a job would bury everything else.
    # So would one for each page that opens its socket, and a traceback for each second without Redis.
    "loggers": {
        "celery": {"level": "WARNING"},
        "uvicorn.error": {"level": "WARNING"},
        "channels_redis": {"level": "CRITICAL"},
        "fontTools": {"level": "WARNING"},  # a line for each table of a font, for each statement
    },
}
