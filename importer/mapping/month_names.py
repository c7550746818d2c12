"""Names of months and halves of the day, in the languages that exports are written in.

No name stands for two months, whichever of these languages it is taken from, so a format need not say its language.
(Croatian is left out: its ``listopad`` is October, the Polish and Czech one is November.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

#: Language → full names, January first; where the name changes after a day, both forms with a bar.
FULL = MappingProxyType(
    {
        "English": "january february march april may june july august september october november december",
        "German": "januar|jänner februar märz april mai juni juli august september oktober november dezember",
        "French": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "Spanish": "enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre",
        "Portuguese": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "Italian": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "Dutch": "januari februari maart april mei juni juli augustus september oktober november december",
        "Polish": "styczeń|stycznia luty|lutego marzec|marca kwiecień|kwietnia maj|maja czerwiec|czerwca lipiec|lipca"
        " sierpień|sierpnia wrzesień|września październik|października listopad|listopada grudzień|grudnia",
        "Czech": "leden|ledna únor|února březen|března duben|dubna květen|května červen|června červenec|července"
        " srpen|srpna září říjen|října listopad|listopadu prosinec|prosince",
        "Swedish": "januari februari mars april maj juni juli augusti september oktober november december",
        "Danish, Norwegian": "januar februar marts|mars april maj|mai juni juli august september oktober november"
        " december|desember",
        "Russian": "январь|января февраль|февраля март|марта апрель|апреля май|мая июнь|июня июль|июля август|августа"
        " сентябрь|сентября октябрь|октября ноябрь|ноября декабрь|декабря",
        "Turkish": "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    }
)
#: The same for short names; a point behind them may stand or not.
SHORT = MappingProxyType(
    {
        "English": "jan feb mar apr may jun jul aug sep|sept oct nov dec",
        "German": "jan|jän feb mär|mrz|märz apr mai jun|juni jul|juli aug sep|sept okt nov dez",
        "French": "janv|jan févr|fév|fevr mars|mar avr mai juin|jun juil|jui août|aoû sept|sep oct nov déc",
        "Spanish": "ene feb mar abr may jun jul ago sep|sept|set oct nov dic",
        "Portuguese": "jan fev mar abr mai jun jul ago set out nov dez",
        "Italian": "gen feb mar apr mag giu lug ago set|sett ott nov dic",
        "Dutch": "jan feb mrt|maa apr mei jun jul aug sep okt nov dec",
        "Polish": "sty lut mar kwi maj cze lip sie wrz paź lis gru",
        "Czech": "led úno bře dub kvě čvn čvc srp zář říj lis pro",
        "Swedish": "jan feb mar|mars apr maj jun|juni jul|juli aug sep|sept okt nov dec",
        "Danish, Norwegian": "jan feb mar|mars apr maj|mai jun|juni jul|juli aug sep|sept okt nov dec|des",
        "Russian": "янв фев|февр мар|март апр май|мая июн|июнь|июня июл|июль|июля авг сен|сент окт ноя|нояб дек",
        "Turkish": "oca şub mar nis may haz tem ağu eyl eki kas ara",
    }
)
#: Before noon and after it; spaces are compared as any white space.
HALVES = MappingProxyType(
    {0: ("am", "a.m.", "a. m.", "午前", "上午", "오전"), 1: ("pm", "p.m.", "p. m.", "午後", "下午", "오후")}
)


def _numbers(languages: Mapping[str, str]) -> dict[str, int]:
    return {
        name: number
        for months in languages.values()
        for number, names in enumerate(months.split(), 1)
        for name in names.split("|")
    }


def _any_of(names: Iterable[str], behind: str = "") -> str:
    """An expression for one of ``names``, longer ones first; case counts in no script, ASCII or not."""
    texts = (re.escape(name).replace(r"\ ", r"\s") for name in sorted(names, key=len, reverse=True))
    return f"(?u:(?:{'|'.join(texts)}){behind})"


_NUMBERS = {**_numbers(FULL), **_numbers(SHORT)}
FULL_EXPRESSION = _any_of(_numbers(FULL))
SHORT_EXPRESSION = _any_of(_numbers(SHORT), r"\.?")
HALF_EXPRESSION = _any_of(name for names in HALVES.values() for name in names)


def month_number(name: str) -> int:
    """1 for ``Jan``, ``janv.``, ``января`` …; 0 if it is no name of a month."""
    return _NUMBERS.get(name.lower().rstrip("."), 0)


def is_short(name: str) -> bool:
    """Whether ``name`` is what ``%b`` reads; ``%B`` reads the other ones."""
    return re.fullmatch(SHORT_EXPRESSION, name, re.IGNORECASE) is not None


def is_afternoon(name: str) -> bool:
    """Whether ``name``, one of :data:`HALVES`, is the second half of the day."""
    return name[0].lower() == "p" or name in HALVES[1]
