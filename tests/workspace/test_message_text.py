"""What a customer's mail repeats is folded; what they wrote never is."""

import pytest

from helpdesk.workspace.message_text import parts_of, shown

GMAIL = "On Tue, 24 Nov 2026 at 11:58 Premium Support <support@premium.example> wrote:"


def cut(*lines: str) -> list[tuple[str, int]]:
    return [(part.text, part.quoted) for part in parts_of("\n".join(lines))]


def test_a_quote_with_its_introduction_is_folded_without_its_marks():
    assert cut("Thank you.", "", GMAIL, "", "> Hello Mina,", ">", "> it is held.", "") == [
        ("Thank you.", 0),
        (f"{GMAIL}\n\nHello Mina,\n\nit is held.", 4),
    ]


def test_an_introduction_that_was_broken_is_one():
    first, second = GMAIL.removesuffix(" wrote:"), "wrote:"
    assert cut("Yes.", first, second, "> Hello") == [("Yes.", 0), (f"{first}\n{second}\nHello", 3)]


def test_answers_between_the_lines_stay_in_sight():
    lines = ("> one", "> two", "> three", "My answer.", "> four", "Another answer.")
    assert cut(*lines) == [("one\ntwo\nthree", 3), ("My answer.\n> four\nAnother answer.", 0)]


@pytest.mark.parametrize(
    "introduction",
    [
        ("-----Original Message-----", "From: Premium Support"),
        ("From: Premium Support <support@premium.example>", "Sent: Tuesday, 24 November 2026 11:58"),
        ("差出人: Premium Support", "送信日時: 2026年11月24日 11:58"),
    ],
)
def test_a_mail_program_that_marks_nothing_quotes_all_that_follows(introduction):
    assert cut("Yes.", "", *introduction, "", "Hello Mina,") == [
        ("Yes.", 0),
        ("\n".join([*introduction, "", "Hello Mina,"]), 3),
    ]


@pytest.mark.parametrize(
    "introduction", ["2026年11月24日(火) 11:58 Premium Support <support@premium.example>:", "佐藤様のメール:"]
)
def test_japanese_introductions(introduction):
    assert cut("はい。", introduction, "> こんにちは") == [("はい。", 0), (f"{introduction}\nこんにちは", 2)]


@pytest.mark.parametrize(
    "lines",
    [
        ("On Monday I wrote:", "please reset it.", "And you didn't."),
        ("2026年11月24日の件ですが、次のとおりです:", "一つ目", "二つ目"),
        ("Le 3 novembre, il a écrit :", "rien"),
        ("From: here on it fails", "every time"),
        ("> only", "> a quote", "> and nothing else"),
        ("> one line", "is too short to fold"),
        ("",),
    ],
)
def test_what_people_write_themselves_is_never_folded(lines):
    assert cut(*lines) == [("\n".join(lines), 0)]


def test_a_text_is_shown_and_never_run():
    html = shown("<script>x</script> https://x.example/?a=1&b=2 @Ann <b>\n\nNext", names=["Ann <b>"])
    assert html == (
        "<p>&lt;script&gt;x&lt;/script&gt; "
        '<a href="https://x.example/?a=1&amp;b=2" rel="nofollow">https://x.example/?a=1&amp;b=2</a> '
        '<b class="mention">@Ann &lt;b&gt;</b></p>\n\n<p>Next</p>'
    )
