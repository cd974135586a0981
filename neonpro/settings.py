"""Settings, all of them from the environment. The README lists each with what it is for."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from neonpro.db.embedded import demo_environment

# `ModelAdmin[Patient]` and its like, which the type checker reads, must also run.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
if "DATABASE_URL" not in env:
    # Beside a running `make demo`, every command finds its database and keys; they belong together.
    env.ENVIRON = {**env.ENVIRON, **demo_environment(BASE_DIR)}

DEMO = env.bool("NEONPRO_DEMO", default=False)
DEBUG = env.bool("NEONPRO_DEBUG", default=False)
SECRET_KEY = env.str("NEONPRO_SECRET_KEY")
ALLOWED_HOSTS = env.list("NEONPRO_ALLOWED_HOSTS", default=["127.0.0.1", "localhost"])
CSRF_TRUSTED_ORIGINS = env.list("NEONPRO_TRUSTED_ORIGINS", default=[])


def _secret_keys(name: str) -> list[bytes]:
    """Keys of at least 32 bytes, base64url, newest first, separated by commas.

    Raises:
        ImproperlyConfigured: in Portuguese, since nothing can be translated yet; it never repeats what was given.
    """
    texts = [text.strip() for text in env.list(name, default=[])]
    advice = "O comando “manage.py vault new-key” imprime uma chave nova."
    if not any(texts):
        raise ImproperlyConfigured(f"Falta {name}, sem a qual o NeonPro não começa. {advice}")
    keys = []
    for position, text in enumerate(texts, start=1):
        which = f"{name}: a chave {position} de {len(texts)}"
        try:
            key = base64.b64decode(text, altchars=b"-_", validate=True)
        except ValueError:
            raise ImproperlyConfigured(f"{which} não está em base64url, ou foi cortada. {advice}") from None
        if len(key) < 32:
            raise ImproperlyConfigured(f"{which} tem {len(key)} bytes, e precisa de 32 ou mais. {advice}")
        if key in keys:
            raise ImproperlyConfigured(f"{which} repete uma anterior: cada chave aparece uma só vez.")
        keys.append(key)
    return keys


NEONPRO_CONTEXT_KEYS = _secret_keys("NEONPRO_CONTEXT_KEYS")
NEONPRO_MASTER_KEYS = _secret_keys("NEONPRO_MASTER_KEYS")
# What signs certificates of erasure, and where the ledger of erasures is. Without them everything works but erasing.
NEONPRO_CERTIFICATE_KEY = env.str("NEONPRO_CERTIFICATE_KEY", default="")
NEONPRO_ERASURE_LEDGER = env.str("NEONPRO_ERASURE_LEDGER", default="")
NEONPRO_AUDIT_ANCHOR = env.str("NEONPRO_AUDIT_ANCHOR", default="")
NEONPRO_SEAL_MINUTES = env.int("NEONPRO_SEAL_MINUTES", default=60)
NEONPRO_KEY_ROTATION_DAYS = env.int("NEONPRO_KEY_ROTATION_DAYS", default=90)

# --- Database ---------------------------------------------------------------------------------------------------

_POOL: dict[str, Any] = {"min_size": 1, "max_size": env.int("NEONPRO_POOL_SIZE", default=8)}


def _database(url_name: str, *, owner: bool) -> dict[str, Any]:
    parsed: dict[str, Any] = env.db_url(url_name)
    options = parsed.setdefault("OPTIONS", {})
    if not owner and env.bool("NEONPRO_POOL", default=True):
        options["pool"] = _POOL
    return parsed | {
        "ENGINE": "neonpro.db.backend",
        # PgBouncer in transaction mode has no place for them.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "NEONPRO_OWNER": owner,
        "TIME_ZONE": None,
    }


DATABASES = {"default": _database("DATABASE_URL", owner=False)}
if "DATABASE_OWNER_URL" in env:
    DATABASES["owner"] = _database("DATABASE_OWNER_URL", owner=True)


@dataclass(frozen=True, slots=True)
class SupportTable:
    """A table outside the clinics' row policies: why it is there, and what the application may do with it."""

    reason: str
    grants: tuple[str, ...] = ()


NEONPRO_SUPPORT_TABLES = {
    "django_migrations": SupportTable("which migrations ran; the health of a deployment", ("SELECT",)),
    "django_content_type": SupportTable("the models' names, for permissions", ("SELECT",)),
    "django_session": SupportTable(
        "signed sessions by the hash of their key: an account's id and its clinic, nothing of a patient",
        ("SELECT", "INSERT", "UPDATE", "DELETE"),
    ),
    "django_admin_log": SupportTable("Django's admin log: always empty, audit_logs is the log", ()),
    "auth_permission": SupportTable("the names of permissions; roles decide who has them", ("SELECT",)),
    "auth_group": SupportTable("always empty: roles are memberships", ("SELECT",)),
    "auth_group_permissions": SupportTable("always empty: roles are memberships", ("SELECT",)),
    "users_groups": SupportTable("always empty: roles are memberships", ("SELECT",)),
    "users_user_permissions": SupportTable("always empty: roles are memberships", ("SELECT",)),
    "guardian_userobjectpermission": SupportTable("always empty: resource_permissions takes its place", ()),
    "anvisa_register": SupportTable(
        "Anvisa's open data, public and the same for every clinic; a trigger lets a job outside of any clinic write it",
        ("SELECT", "INSERT", "UPDATE"),
    ),
    "guardian_groupobjectpermission": SupportTable("always empty: grants are made to people", ("SELECT",)),
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications -----------------------------------------------------------------------------------------------

DEMO_PARTS = ["compliance.demo.load"]
"""What `load_demo` calls for each clinic that it has founded: the floors above it fill their own tables."""

INSTALLED_APPS = [
    "neonpro.db",
    "neonpro.vault",
    "neonpro.rules",
    "neonpro.pades",
    "clinics",
    "patients",
    "compliance",
    "ai",
    # Not the default configuration: that one puts a site of its own in the place of ours.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.guardian",
    "unfold.contrib.simple_history",
    "clinics.apps.NeonProAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "guardian",
    "simple_history",
    "pgtrigger",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Before any row is read: a database restored from before an erasure is not served.
    "compliance.ledger.LedgerMiddleware",
    "clinics.middleware.ClinicMiddleware",
]

ROOT_URLCONF = "neonpro.urls"
WSGI_APPLICATION = "neonpro.wsgi.application"
ASGI_APPLICATION = "neonpro.asgi.application"

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
            ],
        },
    },
]

# What `dumpdata` writes of a patient is ciphertext.
SERIALIZATION_MODULES = {name: f"neonpro.vault.serializers.{name}" for name in ("json", "jsonl")}

# --- Accounts ---------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "clinics.User"
AUTHENTICATION_BACKENDS = ["clinics.auth.RoleBackend", "guardian.backends.ObjectPermissionBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")
SESSION_ENGINE = "clinics.sessions"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_HTTPONLY = True

ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = True
GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
GUARDIAN_USER_OBJ_PERMS_MODEL = "compliance.ResourcePermission"

# Versions are written by triggers and never put back: an erasure would be undone (`clinics.history`).
SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = True
SIMPLE_HISTORY_HISTORY_ID_USE_UUID = True
SIMPLE_HISTORY_DATE_INDEX = False
SIMPLE_HISTORY_FILEFIELD_TO_CHARFIELD = True

# One account an e-mail address is a rule of the database, upper and lower case alike; Django looks for unique=True.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

# --- Security ---------------------------------------------------------------------------------------------------

# The demonstration is served on this machine alone, without TLS.
SECURE_TRANSPORT = not (DEMO or DEBUG)
SESSION_COOKIE_SECURE = SECURE_TRANSPORT
CSRF_COOKIE_SECURE = SECURE_TRANSPORT
SECURE_SSL_REDIRECT = env.bool("NEONPRO_SSL_REDIRECT", default=SECURE_TRANSPORT)
SECURE_HSTS_SECONDS = 63_072_000 if SECURE_TRANSPORT else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_TRANSPORT
SECURE_HSTS_PRELOAD = SECURE_TRANSPORT
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("NEONPRO_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Messages never hold personal data, and the session keeps them off the client all the same.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
# Nothing of a patient is cached; the cache holds rate limits and the like.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- Language, time, files --------------------------------------------------------------------------------------

LANGUAGE_CODE = "pt-br"
LANGUAGES = [("pt-br", _("Brazilian Portuguese"))]
LOCALE_PATHS = [BASE_DIR / "neonpro" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "America/Sao_Paulo"
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "neonpro" / "static"]
WHITENOISE_USE_FINDERS = DEMO or DEBUG
# Where nothing is collected there is no such directory, and WhiteNoise would warn.
STATIC_ROOT = None if WHITENOISE_USE_FINDERS else BASE_DIR / "staticfiles"

EMAIL_CONFIG = env.email_url("NEONPRO_EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("NEONPRO_FROM_EMAIL", default="neonpro@localhost")

# The page «Meus dados»: from whom its codes come, and a function (address, text) that sends short messages; none is.
NEONPRO_HOLDER_FROM_EMAIL = env.str("NEONPRO_HOLDER_FROM_EMAIL", default="")
NEONPRO_SMS_SENDER = env.str("NEONPRO_SMS_SENDER", default="")

# --- Signing ----------------------------------------------------------------------------------------------------

# Files, or directories of them: PEM or DER. What ICP-Brasil's roots certify is a qualified signature.
NEONPRO_ICP_ROOTS = env.list("NEONPRO_ICP_ROOTS", default=[])
# The demonstration trusts a root of its own, made with its secrets (`neonpro.demo`).
DEMO_CERTIFICATES = BASE_DIR / ".postgres" / "certificates"
_demo_root = DEMO_CERTIFICATES / "root.pem"
NEONPRO_SIGNATURE_ROOTS = env.list(
    "NEONPRO_SIGNATURE_ROOTS", default=[str(_demo_root)] if DEMO and _demo_root.exists() else []
)
NEONPRO_TSA_ROOTS = env.list("NEONPRO_TSA_ROOTS", default=[])
NEONPRO_TSA_URL = env.str("NEONPRO_TSA_URL", default="")
# Whether this installation works with SNCR. Without it nothing controlled or retained is issued electronically.
NEONPRO_SNCR = env.bool("NEONPRO_SNCR", default=False)

# What is sent stays in memory until it is encrypted and never lies on the disk, whatever the size of the request that
# brings it. First the private keys, of which no more is kept than a key can have; then everything else, and a request
# of more than the limit is refused.
FILE_UPLOAD_HANDLERS = ["clinics.uploads.KeyFileHandler", "clinics.memory_uploads.InMemory"]
FILE_UPLOAD_MAX_MEMORY_SIZE = 40 * 1024 * 1024

# --- Logging: never a query string, never a parameter -----------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}

from neonpro.unfold import UNFOLD  # noqa: E402, F401  the admin's look and menus, a file of its own
