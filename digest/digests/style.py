"""Write a style sheet into the HTML templates of mails, once when they are loaded.

Mail programs ignore much of a style sheet in the head, so each element carries its own
style. Doing that for every message costs milliseconds; doing it to the template costs
once. Jinja tags are put out of sight first, so that no HTML parser can change them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import css_inline

from digest.errors import RenderError

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_DARK = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)\s*\{\s*:root\s*\{([^}]*)\}\s*\}")
_LIGHT = re.compile(r":root\s*\{([^}]*)\}")
_MEDIA = re.compile(r"@media[^{]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_COLOUR = re.compile(r"--([a-z-]+)\s*:\s*([^;]+);")
_VAR = re.compile(r"var\(--([a-z-]+)\)")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_TOKEN = re.compile(r"⟦(\d+)⟧")


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleSheet:
    """A mail's style sheet, taken apart.

    `light` and `dark` are the two tables of colours. `inline_css` goes into the elements;
    `head_css` (narrow screens, and dark rules derived from the tables) into the head.
    """

    light: dict[str, str]
    dark: dict[str, str]
    inline_css: str
    head_css: str


def parse_style_sheet(css: str, *, name: str = "mail.css") -> StyleSheet:
    """Take a style sheet apart.

    Raises:
        RenderError: If a rule uses a colour that a table does not name.
    """
    rest = _COMMENT.sub("", css)
    dark_table = _DARK.search(rest)
    rest = _DARK.sub("", rest)
    light_table = _LIGHT.search(rest)
    rest = _LIGHT.sub("", rest)
    light = _colours(light_table)
    dark = _colours(dark_table)
    media = _MEDIA.findall(rest)
    rules = [
        (selector.strip(), declarations)
        for selector, declarations in _RULE.findall(_MEDIA.sub("", rest))
    ]
    dark_rules = [
        f"{selector}{{{_resolve(coloured, dark, name)}}}"
        for selector, declarations in rules
        if (coloured := _dark_declarations(declarations))
    ]
    # The dark rules of a narrow screen need its condition too.
    narrow_dark = [_narrow_dark(block, dark, name) for block in media if _dark_declarations(block)]
    head = [
        ":root{color-scheme:light dark}",
        *(_resolve(_squeeze(block), light, name) for block in media),
        "@media (prefers-color-scheme:dark){" + "".join(dark_rules) + "}",
        *narrow_dark,
    ]
    inline = "\n".join(
        f"{selector}{{{_resolve(_squeeze(declarations), light, name)}}}"
        for selector, declarations in rules
    )
    return StyleSheet(light=light, dark=dark, inline_css=inline, head_css="\n".join(head))


def inline_template(source: str, sheet: StyleSheet, *, name: str) -> str:
    """Write the sheet's styles into the elements of a Jinja template.

    Raises:
        RenderError: If the HTML is such that a Jinja tag would move (a tag between the
            rows of a table) or vanish.
    """
    tags = _TAG.findall(source)
    numbers = iter(range(len(tags)))
    hidden = _TAG.sub(lambda _: f"⟦{next(numbers)}⟧", source)
    inliner = css_inline.CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        load_remote_stylesheets=False,
        minify_css=True,
        extra_css=sheet.inline_css,
    )
    if "<html" in hidden:
        inlined = inliner.inline(hidden)
    else:
        inlined = inliner.inline_fragment(hidden, sheet.inline_css)
    found = [int(number) for number in _TOKEN.findall(inlined)]
    if found != list(range(len(tags))):
        raise RenderError(name, "its HTML cannot hold the Jinja tags where they stand")
    return _TOKEN.sub(lambda match: tags[int(match[1])], inlined)


def _colours(table: re.Match[str] | None) -> dict[str, str]:
    return {} if table is None else {
        colour: value.strip() for colour, value in _COLOUR.findall(table[1])
    }  # fmt: skip


def _resolve(css: str, table: dict[str, str], name: str) -> str:
    def value(match: re.Match[str]) -> str:
        colour = table.get(match[1])
        if colour is None:
            raise RenderError(name, f"the colour --{match[1]} is not in both tables")
        return colour

    return _VAR.sub(value, css)


def _dark_declarations(declarations: str) -> str:
    """Return the declarations that name a colour, made to win over inline styles."""
    parts = [part.strip() for part in declarations.split(";")]
    return ";".join(_important(part) for part in parts if _VAR.search(part))


def _important(declaration: str) -> str:
    """Keep of a declaration only its colour; widths stay as the light rule set them."""
    bare = declaration.replace("!important", "").strip()
    prop, _, value = bare.partition(":")
    colour = _VAR.search(value)
    if prop.startswith("border") and colour is not None:
        return f"{prop.strip()}-color:{colour[0]} !important"
    return f"{prop.strip()}:{value.strip()} !important"


def _narrow_dark(block: str, dark: dict[str, str], name: str) -> str:
    condition = _squeeze(block[len("@media") : block.index("{")])
    body = block[block.index("{") + 1 : block.rindex("}")]
    rules = "".join(
        f"{selector.strip()}{{{_resolve(coloured, dark, name)}}}"
        for selector, declarations in _RULE.findall(body)
        if (coloured := _dark_declarations(declarations))
    )
    return f"@media (prefers-color-scheme:dark) and {condition}{{{rules}}}"


def _squeeze(css: str) -> str:
    return re.sub(r"\s*([{}:;,])\s*", r"\1", " ".join(css.split())).strip().replace("and(", "and (")
