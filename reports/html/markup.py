"""HTML that no text can break: text that joins markup is escaped."""

import re
from typing import Self

from markupsafe import Markup

# Characters that XML and HTML forbid; undecodable bytes of file names are lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


class Html(Markup):
    """Markup of a page; concatenating, formatting and joining escape any other text.

    >>> Html("<b>") + "1 < 2", Html("<i>{}</i>").format("a & b")
    (Html('<b>1 &lt; 2'), Html('<i>a &amp; b</i>'))
    """

    __slots__ = ()

    @classmethod
    def escape(cls, s: object, /) -> Self:
        """Return markup unchanged and everything else as escaped text."""
        return super().escape(
            s if isinstance(s, Markup) else _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(s))
        )


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Build an element around its escaped children.

    A trailing underscore is dropped from an attribute's name, and other underscores become hyphens.
    True gives an attribute without a value; None and False give no attribute.

    >>> str(element("p", "1 < 2", class_="note", hidden=True, title=None))
    '<p class="note" hidden>1 &lt; 2</p>'
    """
    opening = "".join(_attribute(name, value) for name, value in attributes.items())
    return Html(f"<{tag}{opening}>{join_html(children)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{Html.escape(str(value))}"'


def join_html(children: object) -> Html:
    """Join the escaped children; lists among them are flattened.

    >>> str(join_html(["a<", [Html("<br>"), 3]]))
    'a&lt;<br>3'
    """
    if isinstance(children, (list, tuple)):
        return Html("").join(join_html(child) for child in children)
    return Html.escape(children)
