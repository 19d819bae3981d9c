"""Addresses about people: the account's, and oneself; part of the portal's."""

from django.urls import path

from helpdesk.portal import joining, my_data, people, profile

urlpatterns = [
    path("account/people/", people.listed, name="people"),
    path("account/people/invite/", people.invite, name="invite"),
    path("account/people/history/", people.history, name="people_history"),
    path("account/people/<int:pk>/", people.person, name="person"),
    path("account/people/<int:pk>/remove/", people.remove, name="person_remove"),
    path("account/leave/", people.leave, name="leave"),
    path("account/invitations/<int:pk>/again/", people.send_again, name="invitation_again"),
    path("account/invitations/<int:pk>/revoke/", people.revoke, name="invitation_revoke"),
    path("invitations/<str:token>/", joining.invitation, name="invitation"),
    path("me/", profile.profile, name="profile"),
    path("me/data/", my_data.my_data, name="my_data"),
    path("me/data/export/", my_data.export, name="export"),
    path("me/data/my-data.zip", my_data.fetch, name="export_file"),
    path("me/data/erase/", my_data.erase, name="erase"),
    path("me/data/keep/", my_data.keep, name="keep"),
    # In the place of allauth's page, which asks the database once for each device.
    path("accounts/sessions/", profile.sessions, name="sessions"),
    path("accounts/sessions/end/", profile.end_sessions, name="end_sessions"),
]
