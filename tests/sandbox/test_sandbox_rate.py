from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st
from sandbox_client import CASES

from importer.sandbox.server import RateWindow

MOMENTS = st.lists(st.floats(0, 0.4, allow_nan=False), max_size=200)


@given(limit=st.integers(1, 9), gaps=MOMENTS)
def test_no_window_of_one_second_holds_more_than_the_limit(limit, gaps):
    window, now, admitted = RateWindow(limit), 0.0, []
    for gap in gaps:
        now += gap
        if window.admits(now):
            admitted.append(now)
    for first, moment in enumerate(admitted):
        assert sum(moment <= other < moment + 1 for other in admitted[first:]) <= limit


def test_without_a_limit_everything_is_admitted():
    window = RateWindow(None)
    assert all(window.admits(1.0) for _ in range(1000))


def test_too_many_requests_are_refused_and_nothing_is_made(open_sandbox, conforms):
    live = open_sandbox(rate_limit=3)
    created = 0
    while (refused := live.create()).status == 201:
        created += 1
    assert (refused.status, created >= 3) == (429, True)
    conforms("error", refused.json)
    assert refused.json == {"code": "0012001", "message": "API rate limit exceeded"}
    assert "Retry-After" not in refused.headers
    assert len(live.truth()) == created


def test_the_limit_counts_every_operation_but_tokens_and_pages(open_sandbox):
    live = open_sandbox(rate_limit=2)
    for _ in range(4):
        live.token({"grant_type": "client_credentials"})
        live.state()
    for ask in (live.search, lambda: live.request("GET", "/users"), live.create):
        while (status := ask().status) < 300:
            pass
        assert status == 429


def test_requests_without_a_token_use_up_nothing(open_sandbox):
    live = open_sandbox(rate_limit=1)
    for _ in range(5):
        assert live.request("GET", CASES, headers={"Authorization": "Bearer x"}).status == 401
    assert live.create().status == 201


def test_the_limit_holds_on_the_clock_of_the_caller(open_sandbox):
    """20 requests at 10 a second must take more than a second, however many knock at once."""
    live = open_sandbox(rate_limit=10)
    made, begun = [], time.monotonic()

    def create_four():
        done = 0
        while done < 4:
            if live.create().status == 201:
                done += 1
                made.append(time.monotonic() - begun)

    threads = [threading.Thread(target=create_four) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(live.truth()) == 20
    assert sorted(made)[10] > 0.9
