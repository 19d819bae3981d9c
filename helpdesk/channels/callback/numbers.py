"""Telephone numbers: what people type, what is stored (E.164), what is shown. Pure."""

import phonenumbers
from django.utils.translation import gettext as _

# Numbers that cost whoever dials them by the minute: nobody is called back on those.
COSTLY = {phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST}
LONGEST = 40


class NotANumber(ValueError):
    """What was typed can't be called; the text is for the person."""


def read(text: str) -> str:
    """A number in E.164 of what a person typed. NotANumber says what is wrong and how to mend it."""
    typed = text.strip()
    typed = f"+{typed[2:]}" if typed.startswith("00") else typed.replace("＋", "+", 1)
    if len(typed) > LONGEST:
        raise NotANumber(_("This is too long for a telephone number. Write it like +49 30 5557 0142."))
    try:
        number = phonenumbers.parse(typed, None)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise NotANumber(
                _("Begin with the country code and a plus, such as +49 30 5557 0142 or +81 3 1234 5678.")
            ) from None
        raise NotANumber(_("This is not a telephone number. Write it like +49 30 5557 0142.")) from None
    if number.extension:
        raise NotANumber(_("Leave the extension out here, and name it in what it is about."))
    if not phonenumbers.is_valid_number(number):
        raise NotANumber(_("No such number can exist in that country: digits are missing or too many. Check it."))
    if phonenumbers.number_type(number) in COSTLY:
        raise NotANumber(_("We can't call numbers with a charge. Give a landline or a mobile number."))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def shown(number: str) -> str:
    """`+49 1512 3456789` of an E.164 number; as it is where it can't be read."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
