"""Addresses of allauth's pages about second factors that are this product's own views, by allauth's names."""

from django.urls import path

from helpdesk.portal import factors

urlpatterns = [
    path("", factors.index, name="mfa_index"),
    path("authenticate/", factors.authenticate, name="mfa_authenticate"),
    path("recovery-codes/", factors.view_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/generate/", factors.make_codes, name="mfa_generate_recovery_codes"),
    path("recovery-codes/download/", factors.download_codes, name="mfa_download_recovery_codes"),
    path("totp/deactivate/", factors.switch_off_app, name="mfa_deactivate_totp"),
    path("webauthn/reauthenticate/", factors.passkey_again, name="mfa_reauthenticate_webauthn"),
    path("webauthn/keys/<int:pk>/remove/", factors.remove_passkey, name="mfa_remove_webauthn"),
]
