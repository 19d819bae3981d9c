"""Addresses of companies' sign-ins; the last two are known to providers, and to allauth by these names."""

from django.urls import path

from helpdesk.portal import company

urlpatterns = [
    path("", company.find, name="company_find"),
    path("<slug:key>/", company.entrance, name="company_sign_in"),
    path("<slug:provider_id>/login/", company.start, name="openid_connect_login"),
    path("<slug:provider_id>/login/callback/", company.callback, name="openid_connect_callback"),
]
