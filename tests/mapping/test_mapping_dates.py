"""Dates: formats, time zones, and local times that did not happen or happened twice."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import MappingError
from importer.mapping import RowMapper, load_mapping
from importer.mapping.dates import FULL, SHORT, month_number
from importer.models import Row

COLUMNS = ("ID", "A")


@cache
def mapper_of(pattern: str, zone: str, kind: str = "datetime") -> RowMapper:
    """The mapper of a mapping with one date."""
    field = orjson.dumps({"column": "A", "type": kind, "format": pattern, "timezone": zone}).decode()
    case = f"{{title: {{value: T}}, description: {{value: D}}, custom_fields: {{date1: {field}}}}}"
    with TemporaryDirectory() as folder:
        path = Path(folder, "m.yml")
        path.write_text(f"version: 1\nsource: {{key: ID}}\ncase: {case}\n", encoding="utf-8")
        return load_mapping(path).bind(COLUMNS)


def sent(text: str, pattern: str = "iso", *, zone: str = "UTC", kind: str = "datetime") -> str:
    """What is sent for a text, or the code of its error."""
    mapped = mapper_of(pattern, zone, kind).apply(Row(2, ("1", text)))
    if mapped.body is None:
        (error,) = mapped.errors
        return error.code
    date: str = orjson.loads(mapped.body)["custom_fields"]["date1"]
    return date


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%Y-%m-%d", "2024-02-29", datetime(2024, 2, 29)),
        ("%Y-%m-%d", "2023-02-29", None),
        ("%Y-%m-%d", "0000-01-01", None),
        ("%d/%m/%Y %H:%M", "1/2/2024 3:04", datetime(2024, 2, 1, 3, 4)),
        ("%d/%m/%Y %H:%M", "01/02/2024   03:04", datetime(2024, 2, 1, 3, 4)),
        ("%d/%m/%Y", "13/13/2024", None),
        ("%d/%m/%Y", "٠١/٠٢/٢٠٢٤", None),
        ("%m/%d/%y", "7/4/68", datetime(2068, 7, 4)),
        ("%m/%d/%y", "7/4/69", datetime(1969, 7, 4)),
        ("%d/%b/%y %I:%M %p", "12/Mar/24 9:41 AM", datetime(2024, 3, 12, 9, 41)),
        ("%d/%b/%y %I:%M %p", "12/mar/24 12:41 am", datetime(2024, 3, 12, 0, 41)),
        ("%d/%b/%y %I:%M %p", "12/MAR/24 12:41 PM", datetime(2024, 3, 12, 12, 41)),
        ("%d/%b/%y %I:%M %p", "12/Mär/24 9:41 AM", datetime(2024, 3, 12, 9, 41)),
        ("%d/%b/%y %H:%M", "05/Mai/23 7:04", datetime(2023, 5, 5, 7, 4)),
        ("%d %b %Y", "4 févr. 2024", datetime(2024, 2, 4)),
        ("%d %b %Y", "4 feber 2024", None),
        ("%d %B %Y", "1 ЯНВАРЯ 2024", datetime(2024, 1, 1)),
        ("%d de %B de %Y", "1 de março de 2024", datetime(2024, 3, 1)),
        ("%d.%b.%Y", "03.paź.2024", datetime(2024, 10, 3)),
        ("%A, %d. %B %Y", "Dienstag, 12. März 2024", datetime(2024, 3, 12)),
        ("%d/%m/%Y %I:%M %p", "1/3/2024 1:05 p. m.", datetime(2024, 3, 1, 13, 5)),
        ("%Y年%m月%d日 %p%I:%M", "2024年3月1日 下午1:05", datetime(2024, 3, 1, 13, 5)),
        ("%y/%m/%d %I:%M %p", "24/3/1 12:05 午前", datetime(2024, 3, 1, 0, 5)),
        ("%m/%d/%y, %I:%M %p", "3/1/24, 9:04\u202fAM", datetime(2024, 3, 1, 9, 4)),
        ("epoch", "1709283845", datetime(2024, 3, 1, 9, 4, 5, tzinfo=UTC)),
        ("epoch", "1709283845.75", datetime(2024, 3, 1, 9, 4, 5, tzinfo=UTC)),
        ("epoch", "-1", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("epoch", "1.7E+9", None),
        ("epoch", "99999999999999999999", None),
        ("epoch_ms", "1709283845123", datetime(2024, 3, 1, 9, 4, 5, tzinfo=UTC)),
        ("epoch_us", "1709283845123456", datetime(2024, 3, 1, 9, 4, 5, tzinfo=UTC)),
        ("%A, %B %d, %Y", "Tuesday, March 12, 2024", datetime(2024, 3, 12)),
        ("%a %d %b %Y", "Tue 12 May 2024", datetime(2024, 5, 12)),
        ("%Y%m%d%H%M%S", "20240312094107", datetime(2024, 3, 12, 9, 41, 7)),
        ("%Y-%m-%d %H:%M:%S.%f", "2024-03-12 09:41:07.5", datetime(2024, 3, 12, 9, 41, 7, 500_000)),
        ("%Y-%m-%d %H:%M %z", "2024-03-12 09:41 -0330", datetime.fromisoformat("2024-03-12T09:41-03:30")),
        ("%Y-%m-%d %H:%M %z", "2024-03-12 09:41 Z", datetime(2024, 3, 12, 9, 41, tzinfo=UTC)),
        ("%Y-%m-%d %H:%M %z", "2024-03-12 09:41 +99:00", None),
        ("%Y-%m-%d 100%% %H Uhr", "2024-03-12 100% 9 Uhr", datetime(2024, 3, 12, 9)),
        ("%d.%m.%Y (.*)", "12.03.2024 xx", None),
        ("iso", "2024-03-12", datetime(2024, 3, 12)),
        ("iso", "2024-03-12 09:41", datetime(2024, 3, 12, 9, 41)),
        ("iso", "2024-03-12T09:41:07.123Z", datetime(2024, 3, 12, 9, 41, 7, 123_000, tzinfo=UTC)),
        ("iso", "2024-03-12 09:41:07.123456789", datetime(2024, 3, 12, 9, 41, 7, 123_456)),
        ("iso", "2024-03-12 09:41:07 UTC", datetime(2024, 3, 12, 9, 41, 7, tzinfo=UTC)),
        ("iso", "2024-03-12 09:41:07 +0530", datetime.fromisoformat("2024-03-12T09:41:07+05:30")),
        ("iso", "2024-03-12T09:41:07,5+01", datetime.fromisoformat("2024-03-12T09:41:07.5+01:00")),
        ("iso", "2024-03-12+02:00", datetime.fromisoformat("2024-03-12T00:00+02:00")),
        ("iso", "2024-03-12Z", datetime(2024, 3, 12, tzinfo=UTC)),
        ("iso", "20240312", None),
        ("iso", "2024-W11-2", None),
        ("iso", "2024-03-12 24:00", None),
        ("iso", "2024-03-12x09:41", None),
        ("iso", "2024-13-12", None),
    ],
)
def test_a_text_and_what_it_means(pattern: str, text: str, expected: datetime | None) -> None:
    if expected is None:
        assert sent(text, pattern) == "not_a_date"
    else:
        moment = expected if expected.tzinfo else expected.replace(tzinfo=UTC)
        assert sent(text, pattern) == moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_no_name_of_a_month_means_two_months() -> None:
    """Otherwise a format would have to say its language."""
    meanings: dict[str, set[int]] = {}
    for languages in (FULL, SHORT):
        for language, months in languages.items():
            assert len(months.split()) == 12, language
            for number, names in enumerate(months.split(), 1):
                for name in names.split("|"):
                    meanings.setdefault(name, set()).add(number)
    assert {name: numbers for name, numbers in meanings.items() if len(numbers) > 1} == {}
    assert all(month_number(name.upper()) == min(numbers) for name, numbers in meanings.items() if "ı" not in name)


PATTERNS = [
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%y %H:%M",
    "%d %B %Y %I:%M:%S %p",
    "%a %b %d %H:%M:%S %z %Y",
    "%m/%d/%Y",
    "%H:%M %d/%b/%Y",
]


@given(st.sampled_from(PATTERNS), st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31), timezones=st.just(UTC)))
def test_a_format_means_what_strptime_means_by_it(pattern: str, moment: datetime) -> None:
    text = moment.strftime(pattern)
    assert sent(text, pattern) == datetime.strptime(text, pattern).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Europe/Lisbon", "2024-01-12T09:41:07.9", "2024-01-12T09:41:07Z"),
        ("Europe/Lisbon", "2024-07-12T09:41:07", "2024-07-12T08:41:07Z"),
        ("Europe/Lisbon", "2024-03-31T00:59:59", "2024-03-31T00:59:59Z"),
        ("Europe/Lisbon", "2024-03-31T01:00:00", "nonexistent_time"),
        ("Europe/Lisbon", "2024-03-31T01:59:59", "nonexistent_time"),
        ("Europe/Lisbon", "2024-03-31T02:00:00", "2024-03-31T01:00:00Z"),
        ("Europe/Lisbon", "2024-10-27T00:59:59", "2024-10-26T23:59:59Z"),
        ("Europe/Lisbon", "2024-10-27T01:00:00", "ambiguous_time"),
        ("Europe/Lisbon", "2024-10-27T01:59:59", "ambiguous_time"),
        ("Europe/Lisbon", "2024-10-27T02:00:00", "2024-10-27T02:00:00Z"),
        ("Europe/Lisbon", "2024-10-27T01:30:00+01:00", "2024-10-27T00:30:00Z"),
        ("Atlantic/Azores", "2024-10-27T00:30:00", "ambiguous_time"),
        ("Atlantic/Azores", "2024-03-31T00:30:00", "nonexistent_time"),
        ("Australia/Lord_Howe", "2024-04-07T01:45:00", "ambiguous_time"),
        ("Australia/Lord_Howe", "2024-10-06T02:15:00", "nonexistent_time"),
        ("Australia/Lord_Howe", "2024-10-06T02:45:00", "2024-10-05T15:45:00Z"),
        ("Pacific/Apia", "2011-12-30T12:00:00", "nonexistent_time"),
        ("UTC", "2024-10-27T01:30:00", "2024-10-27T01:30:00Z"),
        ("Europe/Berlin", "0001-01-01T00:10:00", "not_a_date"),
        ("UTC", "9999-12-31T23:00:00-02:00", "not_a_date"),
        ("UTC", "0999-12-31T23:00:00", "0999-12-31T23:00:00Z"),
    ],
)
def test_a_local_time_and_its_instant(zone: str, local: str, expected: str) -> None:
    assert sent(local, zone=zone) == expected


ZONES = ["Europe/Lisbon", "Atlantic/Azores", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1950, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.replace(microsecond=0, fold=0)),
)
def test_an_instant_reads_back_as_the_local_time_it_came_from(zone: str, moment: datetime) -> None:
    text = sent(moment.isoformat(), zone=zone)
    if text not in ("ambiguous_time", "nonexistent_time"):
        assert datetime.fromisoformat(text).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0) == moment


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("Europe/Lisbon", "2024-07-12T23:59", "2024-07-11T23:00:00Z"),
        ("UTC", "2024-07-12T23:59-10:00", "2024-07-12T00:00:00Z"),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
        ("Atlantic/Azores", "2024-10-27", "2024-10-27T00:00:00Z"),
    ],
)
def test_a_day_begins_at_its_midnight_or_at_its_first_moment(zone: str, local: str, expected: str) -> None:
    assert sent(local, zone=zone, kind="date") == expected


def test_the_day_of_a_count_is_the_one_in_the_time_zone() -> None:
    """23:30 UTC is half past midnight of the first of March in Berlin."""
    assert sent("1709249400", "epoch", zone="Europe/Berlin", kind="date") == "2024-02-29T23:00:00Z"
    assert sent("1709249400", "epoch", kind="date") == "2024-02-29T00:00:00Z"
    assert sent("253402300799", "epoch", zone="Europe/Berlin", kind="date") == "not_a_date"


@pytest.mark.parametrize("name", ["Nowhere", "europe", "Europe/", "/etc/localtime", "a\0b", "x" * 5000, "éé", "UTC+1"])
def test_a_time_zone_that_does_not_exist(name: str) -> None:
    with pytest.raises(MappingError, match="unknown time zone"):
        mapper_of("iso", name)
