"""`html: text`: what a reader would see, and nothing that a person wrote is lost."""

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapping_files import CASE, Bind

from importer.mapping.html import readable
from importer.models import Row

FIELD = CASE.replace("description: D", "description: {column: D, html: text, max: 2000}")


@pytest.mark.parametrize(
    ("html", "text"),
    [
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
def test_the_text_of_html(bind: Bind, html: str, text: str) -> None:
    mapped = bind(FIELD, "ID|T|D").apply(Row(2, ("1", "T", html)))
    assert orjson.loads(mapped.body or b"{}")["description"] == text


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ("<b>\ud800</b>", "bad_text"),
        ("<b>\x00</b>", "bad_text"),
        ("<div>" * 300 + "x", "unreadable_html"),
        ("<table><tr><td>" * 3000 + "x", "unreadable_html"),
    ],
    ids=["surrogate", "nul", "deep", "deep table"],
)
def test_html_that_cannot_be_kept_whole_is_an_error(bind: Bind, html: str, code: str) -> None:
    assert [error.code for error in bind(FIELD, "ID|T|D").apply(Row(2, ("1", "T", html))).errors] == [code]


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
