"""*Explain this deadline*, for specialist, manager and customer (SPEC 2.2)."""

from helpdesk.tickets.explained.reading import Showing, Told, chosen_clock, clocks_of, read
from helpdesk.tickets.explained.words import effect_words, public_reason, reason_words

__all__ = ["Showing", "Told", "chosen_clock", "clocks_of", "effect_words", "public_reason", "read", "reason_words"]
