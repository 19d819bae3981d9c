"""Addresses of companies' sign-ins; those of one protocol are known to providers, and to allauth by these names."""

from django.urls import path

from helpdesk.portal import company, company_saml

urlpatterns = [
    path("", company.find, name="company_find"),
    path("<slug:key>/", company.entrance, name="company_sign_in"),
    path("<slug:provider_id>/login/", company.start, name="openid_connect_login"),
    path("<slug:provider_id>/login/callback/", company.callback, name="openid_connect_callback"),
    path("<slug:key>/saml/metadata/", company_saml.metadata, name="saml_metadata"),
    path("<slug:key>/saml/acs/", company_saml.acs, name="saml_acs"),
    path("<slug:key>/saml/finish/", company_saml.finish, name="saml_finish"),
]
