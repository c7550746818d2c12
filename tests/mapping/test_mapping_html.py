"""`html: text`: what a reader would see, and nothing that a person wrote is lost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.field_errors import CellError
from importer.mapping.html import readable


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("one\n\ntwo", "one\n\ntwo"),
        ("a &lt; b\n&amp; c", "a < b\n& c"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<DIV>a</DIV>b", "a\nb"),
        ("<script>alert(1 < 2)</script><style>p{}</style><b>x</b>", "x"),
        ("<table><tr><td>A<td>B<tr><td>1<td>2</table>", "A  B\n1  2"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a<!-- no -->b", "ab"),
        ("<p>a<?xml:namespace prefix = o />b</p>", "ab"),
        ("<o:p>office</o:p>", "office"),
        ('<img src="x.png" alt="pic">', "[pic]"),
        ('<a href="https://e.org/a">here</a>', "[here](https://e.org/a)"),
        ('<a href="https://e.org/a">https://e.org/a</a>', "https://e.org/a"),
        ('<a href="mailto:a@e.org">a@e.org</a>', "a@e.org"),
        ("<b>Ana</b> <ana@e.org> wrote", "Ana <ana@e.org> wrote"),
        ("<b>see</b> <https://e.org/a?b=c>", "see <https://e.org/a?b=c>"),
        ("<b>hello</b> <John>", "hello <John>"),
        ("if a<b and c", "if a<b and c"),
        ("<i>x</i> 1 <2 <", "x 1 <2 <"),
        ("<b>é日本😀</b>", "é日本😀"),
        ("<html><head><title>no</title></head><body>yes</body></html>", "yes"),
    ],
)
def test_what_becomes_of_html(html: str, text: str) -> None:
    assert readable(html) == text


@pytest.mark.parametrize("html", ["<b>\ud800</b>", "<b>\x00</b>"])
def test_what_no_parser_keeps_is_an_error(html: str) -> None:
    with pytest.raises(CellError) as caught:
        readable(html)
    assert caught.value.code == "bad_text"


@pytest.mark.parametrize("html", ["<div>" * 300 + "x", "<table><tr><td>" * 3000 + "x"])
def test_what_cannot_be_read_whole_is_an_error(html: str) -> None:
    with pytest.raises(CellError) as caught:
        readable(html)
    assert caught.value.code == "unreadable_html"


@pytest.mark.parametrize("part", ["<", "<a", "<a ", "<b>x</b>", "[", "[a](", "&lt;", "<!--", "</", "<td>x", "<?"])
def test_time_grows_with_length_only(part: str) -> None:
    begun = time.process_time()
    readable(part * (200_000 // len(part)))
    assert time.process_time() - begun < 5


@given(st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<li>", "<ul>", "</ul>", "<br>", "<x>", "<", ">"])))
def test_every_word_between_tags_survives(parts: list[str]) -> None:
    html = "".join(f"{part}w{number}w" for number, part in enumerate(parts))
    text = readable(html)
    assert [f"w{number}w" for number in range(len(parts)) if f"w{number}w" not in text] == []
