"""Times in the workspace's templates."""

from django import template

from helpdesk.workspace.wording import instant

register = template.Library()
register.filter("instant", instant)
