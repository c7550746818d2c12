"""When to try again: what servers ask for, in every spelling, honest or not; what we choose; what a run can afford."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from delivering import CaseServer, run_once, staged_ledger
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from servers import Line, RawServer, Request, http

from importer.delivery.retry_budget import MAX_ATTEMPTS, RetryBudget, backoff
from importer.delivery.verdicts import Verdict
from importer.ledger.records import Outcome
from importer.models import State
from importer.talkdesk.wait_headers import LONGEST_WAIT, asked_wait

SERVER_NOW = datetime(2020, 2, 29, 12, 0, 0, tzinfo=UTC)  # hours or years from our clock: only the server's counts
IN_90_S = SERVER_NOW + timedelta(seconds=90)
DATE = {"Date": format_datetime(SERVER_NOW, usegmt=True)}


def wait(hint: str | None = None, **headers: str) -> float | None:
    """What these headers ask for; underscores stand for hyphens."""
    return asked_wait(CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}), hint)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("5", 5.0),
        (" 120 ", 120.0),
        ("007", 7.0),
        ("3600", 3600.0),
        ("3601", LONGEST_WAIT),
        ("999999", LONGEST_WAIT),
        ("10000000000000", None),  # 10^13
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("1_000", None),
        ("0x10", None),
        ("soon", None),
        ("", None),
        ("120, 240", None),
        ("5 seconds", None),
        ("５", None),  # full width
        ("٥", None),  # Arabic-Indic
        ("²", None),
        ("Fri", None),
        ("Sat, 29 Feb 2020", None),
        ("Sat, 99 Feb 2020 12:01:30 GMT", None),
        ("Sat, 29 Feb 99999 12:01:30 GMT", None),
        ("Sat, 29 Feb 2020 12:01:30 +9999", None),
    ],
)
def test_retry_after_in_seconds_or_nonsense(text: str, seconds: float | None) -> None:
    assert wait(Retry_After=text, **DATE) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Sat, 29 Feb 2020 12:01:30 GMT",  # IMF-fixdate
        "Saturday, 29-Feb-20 12:01:30 GMT",  # RFC 850
        "Sat Feb 29 12:01:30 2020",  # asctime
    ],
)
def test_retry_after_as_a_date_counts_from_the_servers_clock(text: str) -> None:
    """F17, H3: our own clock may be wrong by hours."""
    assert wait(Retry_After=text, **DATE) == 90.0


def test_a_date_that_is_past_asks_for_nothing() -> None:
    assert wait(Retry_After=format_datetime(SERVER_NOW - timedelta(hours=2), usegmt=True), **DATE) == 0.0


def test_a_date_far_away_is_bounded() -> None:
    """No server can put us to sleep for a year."""
    assert wait(Retry_After=format_datetime(SERVER_NOW + timedelta(days=365), usegmt=True), **DATE) == LONGEST_WAIT


def test_without_a_date_of_the_server_ours_must_do() -> None:
    seconds = wait(Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert seconds is not None
    assert 90 < seconds <= 100


def test_with_a_date_of_the_server_that_is_none_nothing_is_guessed() -> None:
    assert wait(Retry_After=format_datetime(IN_90_S, usegmt=True), Date="today") is None


@pytest.mark.parametrize("prefix", ["RateLimit", "X_RateLimit"])
@pytest.mark.parametrize(
    ("remaining", "reset", "seconds"),
    [
        ("0", "30", 30.0),
        (" 0 ", "30", 30.0),
        ("1", "30", None),
        ("", "30", None),
        ("0", "", None),
        ("0", "1583000000", None),  # an epoch, not a wait
        ("0", "soon", None),
        ("0", "-30", None),
    ],
)
def test_the_three_rate_limit_headers(prefix: str, remaining: str, reset: str, seconds: float | None) -> None:
    headers = {f"{prefix}_Remaining": remaining, f"{prefix}_Reset": reset, f"{prefix}_Limit": "100"}
    assert wait(**headers) == seconds


@pytest.mark.parametrize(("hint", "seconds"), [("30", 30.0), (" 30 ", 30.0), ("30s", None), ("", None), (None, None)])
def test_the_hint_in_the_body(hint: str | None, seconds: float | None) -> None:
    assert wait(hint) == seconds


def test_who_is_believed() -> None:
    """Retry-After before rate-limit headers before the body; what is malformed does not count as said."""
    limit = {"RateLimit_Remaining": "0", "RateLimit_Reset": "20"}
    assert wait("30", Retry_After="10", **limit) == 10.0
    assert wait("30", **limit) == 20.0
    assert wait("30", Retry_After="soon", **limit) == 20.0
    assert wait("30", Retry_After="soon", RateLimit_Reset="?") == 30.0
    assert wait("x", Retry_After="soon") is None


def test_names_of_headers_have_no_case() -> None:
    assert asked_wait(CIMultiDict({"retry-after": "7"}), None) == 7.0


TEXT = st.text(st.characters(max_codepoint=0x2FF), max_size=40)


@given(
    st.fixed_dictionaries(
        {}, optional={"Retry-After": TEXT, "Date": TEXT, "RateLimit-Remaining": TEXT, "X-RateLimit-Reset": TEXT}
    ),
    TEXT,
)
def test_no_header_can_hurt(headers: dict[str, str], hint: str) -> None:
    seconds = asked_wait(CIMultiDict(headers), hint)
    assert seconds is None or 0.0 <= seconds <= LONGEST_WAIT


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_no_date_can_hurt(then: datetime, now: datetime) -> None:
    headers = {
        "Retry-After": then.strftime("%a, %d %b %Y %H:%M:%S %z"),
        "Date": now.strftime("%A, %d-%b-%y %H:%M:%S %z"),
    }
    seconds = asked_wait(CIMultiDict(headers), None)
    assert seconds is None or 0.0 <= seconds <= LONGEST_WAIT


# -- what we choose ourselves ---------------------------------------------------------------------------


@pytest.mark.parametrize(("attempt", "most"), [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 20.0), (60, 20.0)])
def test_back_off_doubles_up_to_a_cap(attempt: int, most: float) -> None:
    drawn = [backoff(attempt, base=1.0, cap=20.0) for _ in range(1000)]
    assert 0.0 <= min(drawn) < most / 10  # full jitter: anything from 0 up
    assert most * 0.9 < max(drawn) <= most


DONE, AGAIN = Verdict(Outcome(State.CREATED, "1")), Verdict(Outcome(State.PENDING))


# -- what a run can afford -----------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 100, 10_000])
def test_at_most_a_tenth_of_all_requests_are_retries(rows: int) -> None:
    """P8: a few are there from the start, for small files."""
    budget = RetryBudget()
    retries = 0
    for row in range(rows):
        retries += budget.after(row, AGAIN) is not None
    while budget.allows(1):
        retries += 1
    assert 10 + 0.1 * rows - 1 <= retries <= 10 + 0.1 * rows


def small_budget(workers: int) -> RetryBudget:
    """One retry from the start, and one for each worker that is told "too fast"."""
    budget = RetryBudget(workers)
    while budget.allows(1):
        pass
    for row in range(11):
        budget.after(row, DONE)
    return budget


def test_a_row_is_sent_at_most_three_times() -> None:
    budget = RetryBudget()
    assert [budget.allows(attempts) for attempts in range(5)] == [True, True, True, False, False]
    assert MAX_ATTEMPTS == 3


def test_what_is_spent_is_spent() -> None:
    budget = small_budget(0)
    assert budget.allows(1)
    assert not budget.allows(1)
    for row in range(11):
        budget.after(row, DONE)
    assert budget.allows(1)


def test_all_who_are_under_way_may_be_refused_at_once() -> None:
    budget = small_budget(64)
    assert all(budget.allows(1, too_fast=True) for _ in range(65))
    assert not budget.allows(1, too_fast=True)


def test_that_is_for_nothing_else() -> None:
    """A server that fails is not asked more often because there are more workers."""
    budget = small_budget(64)
    assert budget.allows(1)
    assert not budget.allows(1)


async def test_a_limit_that_nobody_knew_leaves_nothing_for_the_next_run(tmp_path: Path) -> None:
    """A server on this machine is sent to at full speed until it objects, which it does to all at once."""
    workers, all_there, refused, cases = 24, asyncio.Barrier(24), 0, CaseServer()

    async def step(line: Line, request: Request) -> None:
        nonlocal refused
        if request.method == "POST" and refused < workers:
            refused += 1
            await all_there.wait()
            await line.send(http(429, {}, "Retry-After: 0"))
        else:
            await cases(line, request)

    path = staged_ledger(tmp_path / "l.db", [str(number) for number in range(30)])
    async with RawServer(step) as server:
        result = await run_once(path, server.url, concurrency=workers)
    assert (result.moved[State.CREATED], result.moved[State.PENDING]) == (30, 0)
    assert {len(made) for made in cases.cases.values()} == {1}
