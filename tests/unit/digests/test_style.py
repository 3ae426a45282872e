from __future__ import annotations

import pytest

from digest.digests.style import inline_template, parse_style_sheet
from digest.errors import RenderError
from digest.resources import resource_dir

CSS = """
/* two tables */
:root { --ink: #111111; --rule: #dddddd; }
@media (prefers-color-scheme: dark) { :root { --ink: #eeeeee; --rule: #333333; } }
p { margin: 0; color: var(--ink); }
.line { border-top: 2px solid var(--rule); }
@media (max-width: 480px) {
  .line { border-top: 1px solid var(--ink) !important; }
  .x { padding: 0 }
}
"""

TEXT_ON_GROUND = [
    ("ink", "sheet"),
    ("text", "sheet"),
    ("soft", "sheet"),
    ("red", "sheet"),
    ("on-red", "red"),
    ("marked", "mark"),
]


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("pair", TEXT_ON_GROUND)
def test_text_of_the_mail_is_readable_in_light_and_dark(pair: tuple[str, str]) -> None:
    css = (resource_dir("templates") / "mail" / "mail.css").read_text(encoding="utf-8")
    sheet = parse_style_sheet(css)

    assert contrast(sheet.light[pair[0]], sheet.light[pair[1]]) >= 4.5
    assert contrast(sheet.dark[pair[0]], sheet.dark[pair[1]]) >= 4.5


def test_both_tables_name_the_same_colours() -> None:
    css = (resource_dir("templates") / "mail" / "mail.css").read_text(encoding="utf-8")
    sheet = parse_style_sheet(css)

    assert sheet.light.keys() == sheet.dark.keys()


def test_colours_stand_nowhere_but_in_the_tables() -> None:
    folder = resource_dir("templates") / "mail"
    css = (folder / "mail.css").read_text(encoding="utf-8")
    rules = css[css.index("body {") :]

    assert "#" not in rules
    assert not [page for page in folder.glob("*.html") if "color:" in page.read_text("utf-8")]


def test_light_colours_are_inlined_and_dark_rules_derived() -> None:
    sheet = parse_style_sheet(CSS)

    assert sheet.inline_css == ("p{margin:0;color:#111111;}\n.line{border-top:2px solid #dddddd;}")
    assert sheet.head_css.split("\n") == [
        ":root{color-scheme:light dark}",
        "@media (max-width:480px){.line{border-top:1px solid #111111 !important;}.x{padding:0}}",
        (
            "@media (prefers-color-scheme:dark){p{color:#eeeeee !important}"
            ".line{border-top-color:#333333 !important}}"
        ),
        (
            "@media (prefers-color-scheme:dark) and (max-width:480px)"
            "{.line{border-top-color:#eeeeee !important}}"
        ),
    ]


def test_colour_that_no_table_names_is_refused() -> None:
    with pytest.raises(RenderError, match=r"mail\.css: the colour --blue is not in both tables"):
        parse_style_sheet("p { color: var(--blue); }")


def test_styles_are_written_into_a_template_without_touching_its_tags() -> None:
    source = (
        '<div>{% for a in "<>&" if a > "b" %}<p class="line">{{ a["x"]|join("&") }}</p>'
        '<a href="{{ a.url }}">{# note #}</a>{% endfor %}</div>'
    )

    inlined = inline_template(source, parse_style_sheet(CSS), name="x.html")

    assert inlined == (
        '<div>{% for a in "<>&" if a > "b" %}<p class="line" '
        'style="margin:0;color:#111111;border-top:2px solid #dddddd">'
        '{{ a["x"]|join("&") }}</p><a href="{{ a.url }}">{# note #}</a>{% endfor %}</div>'
    )


def test_whole_document_keeps_its_head() -> None:
    source = (
        "<!doctype html><html><head><title>{{ t }}</title><style>{{ css }}</style></head>"
        "<body><p>{{ x }}</p></body></html>"
    )

    inlined = inline_template(source, parse_style_sheet(CSS), name="x.html")

    assert "<title>{{ t }}</title><style>{{ css }}</style>" in inlined
    assert '<p style="margin:0;color:#111111">{{ x }}</p>' in inlined


def test_tags_that_html_would_move_are_refused() -> None:
    source = "<table>{% for row in rows %}<tr><td>{{ row }}</td></tr>{% endfor %}</table>"

    with pytest.raises(RenderError, match="cannot hold the Jinja tags"):
        inline_template(source, parse_style_sheet(CSS), name="x.html")
