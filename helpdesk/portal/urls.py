"""Addresses of the customer's portal."""

from django.urls import path

from helpdesk.portal import (
    asking,
    callback,
    drafts,
    errors,
    figures,
    knowledge,
    live,
    people_urls,
    ticket_acts,
    views,
)

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("ask/", knowledge.ask, name="ask"),
    path("ask/solved/", knowledge.solved, name="ask_solved"),
    path("ask/contact/", knowledge.contact, name="ask_contact"),
    path("articles/", knowledge.articles, name="articles"),
    path("articles/<slug:slug>/", knowledge.article, name="article"),
    path("articles/<slug:slug>/vote/", knowledge.vote, name="article_vote"),
    path("tickets/", views.tickets, name="tickets"),
    path("tickets/new/", asking.ticket_new, name="ticket_new"),
    path("tickets/new/draft/", drafts.draft, name="ticket_new_draft"),
    path("tickets/new/files/", drafts.files, name="ticket_new_files"),
    path("tickets/new/promise/", asking.promise, name="promise"),
    path("tickets/<int:pk>/", views.ticket, name="ticket"),
    path("tickets/<int:pk>/promise/", views.ticket_promise, name="ticket_promise"),
    path("tickets/<int:pk>/draft/", drafts.draft, name="ticket_draft"),
    path("tickets/<int:pk>/files/", drafts.files, name="ticket_files"),
    path("tickets/files/<int:file_id>/remove/", drafts.remove_file, name="form_file_remove"),
    path("tickets/<int:pk>/news/", live.ticket_news, name="ticket_news"),
    path("tickets/<int:pk>/critical/", ticket_acts.critical, name="ticket_critical"),
    path("tickets/<int:pk>/escalate/", ticket_acts.escalate, name="ticket_escalate"),
    path("tickets/<int:pk>/copies/", ticket_acts.copies, name="ticket_copies"),
    path("tickets/<int:pk>/reopen/", ticket_acts.reopen, name="ticket_reopen"),
    path("tickets/<int:pk>/rate/", ticket_acts.rating, name="ticket_rate"),
    path("tickets/<int:pk>/files/<int:file_id>/", views.ticket_file, name="ticket_file"),
    path("callback/", callback.callback, name="callback"),
    path("callback/promise/", callback.promise, name="callback_promise"),
    path("callback/<int:call_id>/", callback.call, name="call"),
    path("callback/<int:call_id>/change/", callback.call_change, name="call_change"),
    path("callback/<int:call_id>/now/", callback.call_now, name="call_now"),
    path("callback/<int:call_id>/cancel/", callback.call_cancel, name="call_cancel"),
    path("account/", views.account, name="account"),
    path("account/figures/", figures.figures, name="figures"),
    path("account/figures/tickets/", figures.figure_tickets, name="figure_tickets"),
    path("account/switch/", views.switch_account, name="switch_account"),
    *people_urls.urlpatterns,
    # An address is who a person is here, and copies of tickets go to it: nobody changes it by themselves.
    path("accounts/email/", errors.no_such_page),
]
