"""`html: text`: what a reader would see, and nothing that a person wrote is lost."""

import time

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import defs
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
        ('<a href="https://e.org/?id=1&amp;region=eu&amp;copy=2">x</a>', "[x](https://e.org/?id=1&region=eu&copy=2)"),
        ('<a href="https://e.org/?id=1&region=eu&copy=2">x</a>', "[x](https://e.org/?id=1&region=eu&copy=2)"),
        ('<img alt="a &amp;lt; b">&amp;lt;b&amp;gt; &lt;i&gt;', "[a &lt; b]&lt;b&gt; <i>"),
        ("<b>&copy 2024 &notit;</b>", "© 2024 ¬it;"),
        ("https://e.org/?id=1&region=eu&currency=EUR", "https://e.org/?id=1&region=eu&currency=EUR"),
        ("&notit; &copyright; &copy; &#65;&#x42; 1 < 2 &reg", "&notit; &copyright; © AB 1 < 2 &reg"),
        ("The <script> tag fails.\n\nSee <b>4711</b>", "The <script> tag fails. See 4711"),
        ("The <style> tag and the </script> tag\n4711", "The <style> tag and the </script> tag\n4711"),
        ("a <!-- b <? c <b>d</b>", "a <!-- b <? c d"),
        ("<script>1</script>a<script>b <i>c</i>", "a<script>b c"),
        ("<p>a</p><table><tr><td>1<td>2</table>b", "a\n\n1  2\nb"),
        ("<table><tr><td><p>Name</p></td><td> <div><p>Ana</p></div></td></tr></table>", "Name  Ana"),
        ("<table><tr><td>a<br>b</td><td>c</td></tr><tr><td></td><td>d</td></tr></table>", "a\nb\nc\nd"),
        ("<table><tr><td>a<table><tr><td>1<td>2</table><td>c</table>", "a\n1  2\nc"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
        ("<details><summary>a</summary>b</details><select><option>c<option>d</select>", "a\nb\nc\nd"),
        ("<html><body>a</body></html><p>b</p>", "a\n\nb"),
        ("<ol start=5><li>a<li>b</ol>", " 5. a\n 6. b"),
        ("<ol><li value='²'>a</ol>", " 1. a"),
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


@pytest.mark.parametrize("tag", sorted(defs.tags - {"q"}))  # which shows as quotes
def test_a_text_that_mentions_a_tag_loses_no_word(tag: str) -> None:
    for mention in (f"<{tag}>", f"</{tag}>", f"<{tag} id=1>"):
        assert readable(f"the {mention} fails <b>here</b>: 4711").replace(mention, "").split() in (
            ["the", "fails", "here:", "4711"],
            ["the", "*", "fails", "here:", "4711"],
        )


def test_a_long_cell_does_not_widen_the_other_rows_of_its_table() -> None:
    html = f"<table><tr><td>{'x' * 150_000}<td>y</tr>{'<tr><td>a<td>b</tr>' * 3000}</table>"
    assert readable(html) == f"{'x' * 150_000}  y" + "\na  b" * 3000


@pytest.mark.parametrize(
    "part", ["<", "<a", "<a ", "<b>x</b>", "[", "[a](", "&lt;", "<!--", "</", "<td>x", "<?", "<script>", "<tr><td>x"]
)
def test_time_grows_with_length_only(part: str) -> None:
    begun = time.process_time()
    readable(part * (200_000 // len(part)))
    assert time.process_time() - begun < 5


@given(st.lists(st.sampled_from(["<p>", "</p>", "<b>", "</b>", "<li>", "<ul>", "</ul>", "<br>", "<x>", "<", ">"])))
def test_every_word_between_tags_survives(parts: list[str]) -> None:
    html = "".join(f"{part}w{number}w" for number, part in enumerate(parts))
    text = readable(html)
    assert [f"w{number}w" for number in range(len(parts)) if f"w{number}w" not in text] == []
