"""Layout objects of the portal's crispy pack."""

from typing import Any

from crispy_forms.layout import Div, LayoutObject
from crispy_forms.utils import TEMPLATE_PACK
from django.template.loader import render_to_string


class Columns(Div):
    """Fields beside each other where there is room."""

    css_class = "row"


class Box(LayoutObject):
    """A checkbox, and below it what it opens. The style sheet opens it, so it works without script;
    the server ignores what is closed."""

    template = "%s/layout/box.html"

    def __init__(self, switch: str, *fields: Any, more: str = "") -> None:
        self.switch, self.fields, self.more = switch, list(fields), more

    def render(self, form: Any, context: Any, template_pack: str = TEMPLATE_PACK, **kwargs: Any) -> str:
        parts = {
            "switch": form[self.switch],
            "opened": self.get_rendered_fields(form, context, template_pack, **kwargs),
            "more": self.more,
        }
        form.rendered_fields.add(self.switch)
        return render_to_string(self.template % template_pack, context.flatten() | parts)
