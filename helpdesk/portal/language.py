"""Which language a message is written in, as far as it matters: English, or not (SPEC 2.1).

A guess that only leads to a question, never to a refusal: by the script of the letters, and for
Latin letters by the small words that a language cannot do without.
"""

import re
import unicodedata

ENGLISH = "en"
UNKNOWN = "und"  # "undetermined" in ISO 639: not English, more isn't known
NON_LATIN_SHARE = 0.3
LEAST_LETTERS = 4
LEAST_SMALL_WORDS = 4

_SMALL_WORDS = {
    "en": "the and is are was not of to in it this that with for we you have has when from but our after since can",
    "de": "der die das und ist nicht wir mit bei seit ein eine den dem auf wird wurde haben sich kein keine uns im",
    "fr": "le la les et est pas nous avec une des du dans sur depuis que qui pour ne vous cette sont au plus",
    "es": "el la los las y es no con una del en que por para desde nos se al está son pero cuando",
    "it": "il lo la gli e è non con una del della che per da nel sono abbiamo quando dal più",
    "pt": "o a os as e é não com uma do da em que por para desde nos está são mas quando",
    "nl": "de het een en is niet wij we met sinds van op dat die voor zijn wordt maar bij geen",
}
SMALL_WORDS = {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}


def guess_language(text: str) -> str:
    """`en`, a code of another language, or `und` for letters of another script."""
    letters = [letter for letter in text if letter.isalpha()]
    foreign = [
        letter for letter in letters if not unicodedata.name(letter, "").startswith(("LATIN", "FULLWIDTH LATIN"))
    ]
    if len(letters) >= LEAST_LETTERS and len(foreign) > NON_LATIN_SHARE * len(letters):
        return _by_script("".join(foreign))
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {language: sum(word in small for word in words) for language, small in SMALL_WORDS.items()}
    best = max(counts, key=lambda language: counts[language])  # English wins a draw: it stands first
    return best if counts[best] >= LEAST_SMALL_WORDS and counts[best] > 2 * counts[ENGLISH] else ENGLISH


def _by_script(text: str) -> str:
    if re.search(r"[\u3040-\u30ff\uff66-\uff9f]", text):
        return "ja"
    if re.search(r"[\uac00-\ud7af]", text):
        return "ko"
    return "zh" if re.search(r"[\u3400-\u9fff]", text) else UNKNOWN
