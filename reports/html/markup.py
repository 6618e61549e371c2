"""Text → HTML that cannot be broken by what the text holds."""

import html
import re

# What XML and HTML have no place for; undecodable bytes of file names arrive as lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Html(str):
    """Markup that is ready to be put into a page; any other text is escaped first."""

    __slots__ = ()


def escape(content: object) -> Html:
    """Markup as it is, everything else as text.

    >>> escape("<b> & 'co'"), escape(Html("<b>"))
    ('&lt;b&gt; &amp; &#x27;co&#x27;', '<b>')
    """
    if isinstance(content, Html):
        return content
    return Html(html.escape(_FORBIDDEN.sub(_REPLACEMENT, str(content)), quote=True))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """An element around its escaped children.

    A trailing underscore is dropped from an attribute's name and others become hyphens; True stands
    for an attribute without value, None and False for none.

    >>> element("p", "1 < 2", class_="note", hidden=True, title=None)
    '<p class="note" hidden>1 &lt; 2</p>'
    """
    opening = "".join(_attribute(name, value) for name, value in attributes.items())
    return Html(f"<{tag}{opening}>{joined(children)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    key = name.rstrip("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{html.escape(_plain(value), quote=True)}"'


def _plain(value: object) -> str:
    return _FORBIDDEN.sub(_REPLACEMENT, str(value))


def joined(children: object) -> Html:
    """The escaped children one after another; lists among them are taken apart.

    >>> joined(["a<", [Html("<br>"), 3]])
    'a&lt;<br>3'
    """
    if isinstance(children, (list, tuple)):
        return Html("".join(joined(child) for child in children))
    return escape(children)
