"""Addresses of the customer's portal."""

from django.urls import path

from helpdesk.portal import asking, errors, knowledge, statements, views

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
    path("tickets/new/promise/", asking.promise, name="promise"),
    path("tickets/<int:pk>/", views.ticket, name="ticket"),
    path("tickets/<int:pk>/promise/", views.ticket_promise, name="ticket_promise"),
    path("tickets/<int:pk>/news/", views.ticket_news, name="ticket_news"),
    path("tickets/<int:pk>/files/<int:file_id>/", views.ticket_file, name="ticket_file"),
    path("account/", views.account, name="account"),
    path("statements/", statements.statement_list, name="statements"),
    path("statements/verify/", statements.verify, name="verify_statement"),
    path("statements/<int:statement_id>/", statements.statement, name="statement"),
    path("statements/<int:statement_id>/statement.pdf", statements.statement_pdf, name="statement_pdf"),
    path("statements/<int:statement_id>/statement.json", statements.statement_json, name="statement_json"),
    path("account/switch/", views.switch_account, name="switch_account"),
    # An address is who a person is here, and copies of tickets go to it: nobody changes it by themselves.
    path("accounts/email/", errors.no_such_page),
]
