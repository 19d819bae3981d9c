"""One's own settings: language, time zone, quiet hours, what comes by mail."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from helpdesk.accounts.models import News, User
from helpdesk.accounts.services import change_settings
from helpdesk.core.quiet import quiet_length

LONGEST_QUIET = timedelta(hours=20)  # of a day, so that there is a time at which mail comes


def urls(site: AdminSite) -> list[URLPattern]:
    """The address of the page, for the site's `get_urls`."""
    page = require_http_methods(["GET", "HEAD", "POST"])(lambda request: my_settings(request, site))
    return [path("me/", site.admin_view(page), name="my_settings")]


class SettingsForm(forms.ModelForm):
    mail_about = forms.MultipleChoiceField(
        label=gettext_lazy("Also by mail"),
        choices=News.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = User
        fields = ("language", "time_zone", "quiet_from", "quiet_until", "mail_about")
        widgets = {
            "time_zone": forms.TextInput({"list": "time-zones", "autocomplete": "off"}),
            "quiet_from": forms.TimeInput({"type": "time"}, format="%H:%M"),
            "quiet_until": forms.TimeInput({"type": "time"}, format="%H:%M"),
        }
        help_texts = {
            "time_zone": gettext_lazy("Times are shown in it, and quiet hours counted."),
            "quiet_from": gettext_lazy("By the clock of your time zone. Leave both empty for none."),
            "quiet_until": "",
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        begins, ends = data.get("quiet_from"), data.get("quiet_until")
        if "quiet_from" in self.errors or "quiet_until" in self.errors:
            return data
        if begins is not None and ends is None:
            self.add_error("quiet_until", _("Say when they end, or leave both empty."))
        elif ends is not None and begins is None:
            self.add_error("quiet_from", _("Say when they begin, or leave both empty."))
        elif begins is not None and begins == ends:
            self.add_error("quiet_until", _("They would have no length. Choose another end, or leave both empty."))
        elif begins is not None and quiet_length(begins, ends) > LONGEST_QUIET:
            self.add_error("quiet_until", _("At most 20 hours of a day can be quiet. Choose an earlier end."))
        return data


def my_settings(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """Show the form, or save it; with an error nothing is saved, and what was typed stays (422)."""
    # A row of its own: the page's head shows the person as they are, not as they typed.
    form = SettingsForm(request.POST or None, instance=User.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        change_settings(user=request.user, **form.cleaned_data)
        with translation.override(form.cleaned_data["language"]):
            messages.success(request, _("Your settings are saved."))
        answer = redirect("admin:my_settings")
        answer.delete_cookie(settings.LANGUAGE_COOKIE_NAME)  # a language chosen on this device would go first
        return answer
    context = {
        **site.each_context(request),
        "title": _("My settings"),
        "form": form,
        "zones": sorted(available_timezones()),
    }
    return TemplateResponse(request, "admin/my_settings.html", context, status=422 if form.is_bound else 200)
