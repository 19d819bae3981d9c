from django.urls import path

from helpdesk.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("tickets/<int:pk>/", views.home, name="ticket"),
]
