"""Codes of languages as people write them, and those of espeak-ng."""

import pytest

from phonetics.languages import usual_variety


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("it_IT", "it"), ("de-AT", "de"), ("ja-JP", "ja"), ("ru-RU", "ru"), ("tr_TR", "tr")),
        *(("pt-BR", "pt-br"), ("pt-PT", "pt"), ("es-MX", "es"), ("es-419", "es-419")),
        *(("EN", "en-us"), ("en_US", "en-us"), ("en_GB", "en-gb"), ("fr-CA", "fr-fr"), ("fr-BE", "fr-be")),
        *(("zh", "cmn"), ("zh-CN", "cmn"), ("zh-HK", "yue"), ("no", "nb"), ("nb-NO", "nb")),
        *(("italian", "italian"), ("xx", "xx"), ("xx-YY", "xx-YY")),
    ],
)
def test_a_locale_gets_the_code_of_espeak(written, code):
    assert usual_variety(written) == code
