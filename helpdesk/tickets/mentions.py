"""Who is named in a note: `@` and a colleague's name."""

import re
from collections.abc import Iterable

from helpdesk.accounts.models import User

MARK = "@"


def mentioned_in(body: str, *, without: User) -> list[User]:
    """The active members of staff whose names stand after an `@` in a note, in the order of their names.

    Where one name begins another (`@Ann Lee`, `@Ann Leeson`), the longest one that fits is meant. One query,
    and none where there is no `@`.
    """
    if MARK not in body:
        return []
    staff = list(User.objects.filter(is_active=True).exclude(staff_role="").order_by("full_name", "pk"))
    named = {name for _begin, _end, name in marks(body, {person.full_name for person in staff})}
    return [person for person in staff if person.full_name in named and person.pk != without.pk]


def marks(body: str, names: Iterable[str]) -> list[tuple[int, int, str]]:
    """Where `@Name` stands in a text, for these names, in whatever case: (begin, end, name)."""
    known = {name.casefold(): name for name in names if name}
    if not known or MARK not in body:
        return []
    longest_first = sorted(known.values(), key=len, reverse=True)
    # What follows may be a letter of a script without spaces, but not the rest of a longer Latin name.
    pattern = rf"(?<![\w]){MARK}({'|'.join(map(re.escape, longest_first))})(?![A-Za-z0-9])"
    found = re.finditer(pattern, body, re.IGNORECASE)
    return [(one.start(), one.end(), name) for one in found if (name := known.get(one[1].casefold()))]
