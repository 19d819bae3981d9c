"""Bad submissions, each with the exact words that answer it. Read by `test_hostile_forms.py`.

A case is (name, what differs from a form that could be sent, {field: its messages}).
"""

import base64
from itertools import combinations

Case = tuple[str, dict, dict[str, list[str]]]

EMPTY_SUBJECT = "Say in a few words what it is about."
EMPTY_BODY = "Describe what happens, so that a specialist can begin."
EMPTY_REPLY = "Write something first."
NO_TEXT = "This holds characters that aren't text. Delete them, or paste it as text."
NO_HUB = "Choose the hub that the question is about."
OTHER_HUB = "Choose one of the hubs in the list: they are the ones that you are covered for."
RUN_OUT = "This form had run out. Everything you typed is still here: press Send again."
NO_TIME = "Give a date and a time, such as 2026-11-24 13:40."
AHEAD = "This time still lies ahead. Since when has it been so?"
YEAR = "This is more than a year ago. Check the date."
CLAIM = {
    "affected": "Choose who is affected.",
    "since": "Say since when, even if roughly.",
    "process": "Name the process that has stopped.",
    "workaround": "Choose whether there is a way round it.",
}
CRITICAL = {
    "critical": "on",
    "affected": "everyone",
    "since": "2026-11-24T12:40",
    "process": "Online orders",
    "workaround": "none",
}
HTML = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</textarea><script>alert(1)</script>",
    "<svg/onload=alert(1)>",
    "{{ 7|add:7 }}{% debug %}",
    "javascript:alert(1)",
    "'; DROP TABLE helpdesk_ticket; --",
    "%(name)s %s {0} ${7*7}",
]
INVISIBLE = {
    "empty": "",
    "blanks": "   ",
    "tabs": "\t\t",
    "line-breaks": "\r\n\r\n",
    "no-break-space": "\u00a0",
    "ideographic-space": "\u3000\u3000",
    "zero-width": "\u200b",
    "joiners": "\u200c\u200d",
    "word-joiner": "\u2060",
    "byte-order-mark": "\ufeff",
    "direction-marks": "\u200e\u200f",
    "overrides": "\u202e\u202d",
    "isolates": "\u2066\u2069",
    "control": "\x01\x02\x1b",
    "c1-control": "\x80\x9f",
    "delete": "\x7f",
    "form-feed": "\x0c\x0b",
    "line-separator": "\u2028\u2029",
}
LETTERS = {"latin": "x", "kana": "\u3042", "emoji": "\U0001f4a5", "markup": "<", "combining": "\u0301"}
NUL = {"alone": "\x00", "first": "\x00text", "last": "text\x00", "between": "te\x00xt", "many": "\x00" * 50}


def too_long(length: int, most: int) -> str:
    return f"This is too long: {length} characters, and {most} fit. Shorten it."


def texts(field: str, *, most: int, empty: str) -> list[Case]:
    """Everything that a text can be wrong by."""
    cases: list[Case] = [(f"{field}-{name}", {field: text}, {field: [empty]}) for name, text in INVISIBLE.items()]
    for name, letter in LETTERS.items():
        for length in (most + 1, 3 * most):
            cases.append((f"{field}-long-{name}-{length}", {field: letter * length}, {field: [too_long(length, most)]}))
    cases += [
        (f"{field}-nul-{name}", {field: text}, {field: [NO_TEXT]}) for name, text in NUL.items() if name != "alone"
    ]
    return cases


def hubs() -> list[Case]:
    others = ["sales", "service", "data", "smart_crm", "CONTENT", "content ", "content,marketing", "0", "-1", "None"]
    hostile = [*HTML, "x" * 10_000, "\x00", "content\x00", "..", "\u200b", "\u30b3\u30f3\u30c6\u30f3\u30c4"]
    cases: list[Case] = [("hub-none", {"hub": ""}, {"hub": [NO_HUB]})]
    return cases + [
        (f"hub-{number}", {"hub": value}, {"hub": [OTHER_HUB]}) for number, value in enumerate(others + hostile)
    ]


def copies() -> list[Case]:
    def refused(address: str) -> str:
        return f"\u201c{address[:80]}\u201d isn't a complete e-mail address. Write it like name@company.com."

    bad = [
        "name",
        "@",
        "@company.com",
        "name@",
        "name@company",
        "name@@company.com",
        "name@company..com",
        "name@.com",
        ".name@company.com",
        "name.@company.com",
        "na..me@company.com",
        "name@-company.com",
        "name@company-.com",
        "name@company.c",
        "name@company.com.",
        "name@com_pany.com",
        "<name@company.com>",
        "mailto:name@company.com",
        "name@company.com>",
        "name@company.com:25",
        "name@[300.1.1.1]",
        "name@localhost.",
        "na(me@company.com",
        "name\u200b@company.com",
        "n\u00e4me@company.com",
        "\uff4e\uff41\uff4d\uff45\uff20company.com",
        "Name",
        "name@company.com/x",
        "<script>@x",
        "a" * 65 + "@" + "b" * 300 + ".com",
        "x" * 300,
        "'--@x",
    ]
    cases: list[Case] = [(f"cc-{number}", {"cc": text}, {"cc": [refused(text)]}) for number, text in enumerate(bad)]
    second = "good@company.com; "
    cases += [(f"cc-second-{n}", {"cc": second + text}, {"cc": [refused(text)]}) for n, text in enumerate(bad[:8])]
    for count in (11, 25, 60):
        many = ", ".join(f"p{number}@x.example" for number in range(count))
        text = f"At most 10 people can be in copy; these are {count}."
        cases.append((f"cc-{count}-people", {"cc": many}, {"cc": [text]}))
    cases.append(("cc-long", {"cc": "a@b.example," * 400}, {"cc": [too_long(4800, 2000)]}))
    cases.append(("cc-nul", {"cc": "a\x00@b.example"}, {"cc": [NO_TEXT]}))
    cases.append(("cc-header", {"cc": "a@b.example\r\nBcc: c@d.example"}, {"cc": [refused("Bcc:")]}))
    return cases


def keys() -> list[Case]:
    forged = ["", " ", "x", "A" * 21, "A" * 23, "A" * 21 + "/", "A" * 21 + "\x00", "A" * 22 + "\n", " " + "A" * 22]
    forged += ["\uff21" * 22, "../" * 7 + "A", "1/" + "A" * 20, "%41" * 7 + "A", "A" * 100_000, *HTML]
    return [(f"key-{number}", {"key": key}, {"key": [RUN_OUT]}) for number, key in enumerate(forged)]


def claims() -> list[Case]:
    cases: list[Case] = []
    for size in range(1, 5):
        for missing in combinations(CLAIM, size):
            changes = {name: value for name, value in CRITICAL.items() if name not in missing}
            cases.append((f"claim-without-{'-'.join(missing)}", changes, {name: [CLAIM[name]] for name in missing}))
    for field in ("affected", "workaround"):
        for number, value in enumerate(["nobody", "EVERYONE", "0", "x" * 5000, *HTML[:4]]):
            text = f"Select a valid choice. {value} is not one of the available choices."
            cases.append((f"{field}-{number}", {**CRITICAL, field: value}, {field: [text]}))
    for letter in ("x", "\u3042", "<"):
        text = too_long(201, 200)
        cases.append((f"process-long-{letter}", {**CRITICAL, "process": letter * 201}, {"process": [text]}))
    cases.append(("process-nul", {**CRITICAL, "process": "a\x00b"}, {"process": [NO_TEXT]}))
    for name in ("blanks", "zero-width", "overrides", "control"):
        cases.append((f"process-{name}", {**CRITICAL, "process": INVISIBLE[name]}, {"process": [CLAIM["process"]]}))
    return cases


def times() -> list[Case]:
    """What is no time, or not one since which something can be so."""
    cases: list[Case] = []
    wrong = [
        "yesterday",
        "13:40",
        "2026-11-24",
        "24.11.2026 13:40",
        "2026-13-01T00:00",
        "2026-02-30T10:00",
        "0000-00-00",
    ]
    wrong += [
        "2026-11-24T25:00",
        "2026-11-24T12:60",
        "99999-01-01T00:00",
        "-1",
        "9" * 400,
        "\uff12\uff10\uff12\uff16",
        *HTML,
    ]
    for number, value in enumerate(wrong):
        # A date alone is one: the beginning of the day.
        if value != "2026-11-24":
            cases.append((f"since-{number}", {**CRITICAL, "since": value}, {"since": [NO_TIME]}))
    for value in ("2026-11-24T13:11", "2026-11-25T00:00", "2027-01-01T00:00", "9999-12-31T23:59"):
        cases.append((f"since-ahead-{value}", {**CRITICAL, "since": value}, {"since": [AHEAD]}))
    for value in ("2025-11-20T00:00", "2001-01-01T00:00", "1970-01-01T00:00", "0001-01-02T00:00"):
        cases.append((f"since-ago-{value}", {**CRITICAL, "since": value}, {"since": [YEAR]}))
    return cases


def together() -> list[Case]:
    """Several things wrong at once: each is said."""
    wrong = {"hub": ("", NO_HUB), "subject": ("", EMPTY_SUBJECT), "body": (" ", EMPTY_BODY), "cc": ("\x00", NO_TEXT)}
    wrong["key"] = ("x", RUN_OUT)
    cases: list[Case] = []
    for size in (2, 3, 5):
        for names in combinations(wrong, size):
            changes = {name: wrong[name][0] for name in names}
            cases.append((f"together-{'-'.join(names)}", changes, {name: [wrong[name][1]] for name in names}))
    return cases


PROGRAM = "%s is a program, which is not taken. Send its log or a picture instead."
NOTHING = "%s is empty. Choose another file."
LARGE = "%s is larger than 1.0\xa0KB. Make it smaller, or send it in parts."
# (name that the browser sends, content, name that is shown, message); files may have 1 KB there.
FILES = [
    *(
        (f"run.{end}", b"text", f"run.{end}", PROGRAM)
        for end in ("exe", "BAT", "cmd", "js", "vbs", "ps1", "scr", "lnk")
    ),
    *((f"a.{end}", b"text", f"a.{end}", PROGRAM) for end in ("hta", "jar", "msi", "reg", "com", "wsf", "apk", "pif")),
    ("photo.png", b"MZ\x90\x00\x03", "photo.png", PROGRAM),
    ("a.pdf", b"\x7fELF\x02", "a.pdf", PROGRAM),
    ("notes.txt", b"#!/bin/sh\nrm -rf /", "notes.txt", PROGRAM),
    ("a.class", b"\xca\xfe\xba\xbe", "a.class", PROGRAM),
    ("a.wasm", b"\x00asm", "a.wasm", PROGRAM),
    ("gpj.\u202eexe", b"text", "gpj.exe", PROGRAM),  # reads as exe.jpg from right to left
    ("photo.png.exe", b"\x89PNG\r\n\x1a\n", "photo.png.exe", PROGRAM),
    ("photo.exe .", b"text", "photo.exe", PROGRAM),
    ("../../etc/cron.bat", b"text", "cron.bat", PROGRAM),
    ("C:\\temp\\run.exe", b"text", "run.exe", PROGRAM),
    ("<img src=x onerror=alert(1)>.exe", b"text", "<img src=x onerror=alert(1)>.exe", PROGRAM),
    ("empty.txt", b"", "empty.txt", NOTHING),
    ("\u7a7a.log", b"", "\u7a7a.log", NOTHING),
    ("<script>.txt", b"", "<script>.txt", NOTHING),
    ("large.txt", b"x" * 1025, "large.txt", LARGE),
    ("large.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 5000, "large.png", LARGE),
    ("x" * 180 + ".log", b"x" * 2000, "x" * 180 + ".log", LARGE),
]
FORGED_IDS = ["0", "-1", "1.5", "x", "9223372036854775807", "9" * 30, "%00", "..", "1'", "%E3%81%82", "1;2"]
FORGED_WRITERS = [
    "x",
    ":",
    "a:b:c",
    base64.urlsafe_b64encode(b"[1, 1]").decode() + ":AAAA",
    "x" * 100_000,
    "\u3042:\u3042",
    *HTML[:3],
]
QUESTIONS = [
    *HTML,
    *NUL.values(),
    "x" * 50_000,
    "' OR 1=1 --",
    "a & | ! ( ) : * <->",
    "\\",
    "\u202e",
    "\U0001f4a5" * 500,
    "%",
]
TICKET_CASES = [
    *texts("subject", most=160, empty=EMPTY_SUBJECT),
    *texts("body", most=20_000, empty=EMPTY_BODY),
    *hubs(),
    *copies(),
    *keys(),
    *claims(),
    *times(),
    *together(),
]
REPLY_CASES = [*texts("body", most=20_000, empty=EMPTY_REPLY), *keys()]
