"""Every address of the service."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.i18n import set_language

from helpdesk.channels.callback.web import report
from helpdesk.portal.entrance import after_login
from helpdesk.portal.errors import no_such_page
from helpdesk.workspace import health

urlpatterns = [
    path("", include("helpdesk.portal.urls")),
    path("welcome/", after_login, name="after_login"),
    path("language/", set_language, name="set_language"),
    path("accounts/oidc/", include("helpdesk.portal.company_urls")),
    path("accounts/2fa/", include("helpdesk.portal.factor_urls")),
    # allauth's: nobody links by themselves, and no address is confirmed by its reader.
    re_path("^accounts/(?:3rdparty|social|confirm-email)/", no_such_page),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("telephony/report/<slug:token>/", report, name="callback_report"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]

handler400 = "helpdesk.portal.errors.bad_request"
handler403 = "helpdesk.portal.errors.forbidden"
handler404 = "helpdesk.portal.errors.not_found"
handler500 = "helpdesk.portal.errors.server_error"
