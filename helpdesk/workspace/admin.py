"""The admin's pages."""

from django.contrib import admin

from helpdesk.tickets.models import Ticket


@admin.register(Ticket)
class TicketAdmin(admin.ModelAdmin):
    pass
