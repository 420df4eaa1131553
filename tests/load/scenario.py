"""Virtual users that keep score: what a load tool counts of their calls."""
import collections
import threading
import time

import tiketi_harness as harness


class Score:
    """Times and statuses by name of the call. For several threads."""

    def __init__(self):
        self.mutex = threading.Lock()
        self.times, self.statuses = collections.defaultdict(list), collections.Counter()
        self.refusals = collections.Counter()

    def add(self, name, answer, seconds):
        with self.mutex:
            self.times[name].append(seconds)
            self.statuses[name, answer.status] += 1
            if answer.status >= 400:
                self.refusals[name, answer.body[:200]] += 1

    def percentile(self, percent, name=None):
        found = sorted(t for n, times in self.times.items() for t in times if name in (None, n))
        return found[min(len(found) - 1, len(found) * percent // 100)]

    def total(self):
        return sum(self.statuses.values())

    def failed(self):
        """Share of the calls that a load tool counts as failed."""
        return sum(n for (_, status), n in self.statuses.items() if status >= 400) / self.total()


class Visitor:
    """A browser as load tools play it: no token, only cookies, kept for one round."""

    def __init__(self, port, score):
        self.port, self.score = port, score
        self.http = harness.Client(port, checked=False)
        self.cookies = {}

    def call(self, name, method, path, body=None):
        headers = {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        began = time.monotonic()
        answer = self.http.request(method, "/api/v1" + path, body=body, headers=headers)
        self.score.add(name, answer, time.monotonic() - began)
        if contract := harness.contract_of(self.port):
            contract.check(method, "/api/v1" + path, answer)
        for cookie in answer.cookies:
            key, _, value = cookie.split(";")[0].partition("=")
            self.cookies[key] = value
        return answer

    def close(self):
        self.http.close()


def crowd(count, run):
    """Runs `run(number)` on as many threads; raises what the first of them raised."""
    errors = []

    def guarded(number):
        try:
            run(number)
        except Exception as error:  # Of a thread, so that the test hears of it.
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
