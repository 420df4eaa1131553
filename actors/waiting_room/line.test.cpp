#define CAF_SUITE waiting_line

#include "actors/waiting_room/line.hpp"

#include <map>
#include <random>

#include <caf/test/dsl.hpp>

using namespace tk;

namespace {

/// The same, slowly.
struct slow_line {
  struct one {
    uint32_t who = 0;
    bool present = true;
  };
  std::map<uint32_t, one> people;

  [[nodiscard]] size_t ahead_of(uint32_t n) const {
    return static_cast<size_t>(std::distance(people.begin(), people.lower_bound(n)));
  }
  [[nodiscard]] std::optional<uint32_t> first_present() const {
    for (auto& [n, x] : people)
      if (x.present) return n;
    return std::nullopt;
  }
};

void check_equal(const waiting_line& fast, const slow_line& slow, uint32_t last) {
  CAF_REQUIRE_EQUAL(fast.size(), slow.people.size());
  CAF_REQUIRE(fast.first_present() == slow.first_present());
  auto head = slow.people.empty() ? fast.end() : slow.people.begin()->first;
  auto fast_head = fast.head();
  CAF_REQUIRE_EQUAL(fast_head, head);
  for (uint32_t n = head; n <= last + 2; n += 1 + n % 3) {
    auto ahead = fast.ahead_of(n), expected = slow.ahead_of(n);
    CAF_REQUIRE_EQUAL(ahead, expected);
    auto i = slow.people.find(n);
    CAF_REQUIRE(fast.at(n) == (i == slow.people.end() ? waiting_line::no_entry : i->second.who));
  }
}

/// What a board shows is exact near the head, and behind it to the number of those who left there.
void check_view(const waiting_line& fast, const slow_line& slow) {
  auto view = fast.view();
  CAF_REQUIRE_EQUAL(view.waiting, slow.people.size());
  std::optional<uint32_t> before;
  for (auto& [n, x] : slow.people) {
    auto shown = view.ahead_of(n);
    CAF_REQUIRE(shown.has_value());
    auto exact = static_cast<uint32_t>(slow.ahead_of(n));
    if (n < view.head + line_view::near_max) CAF_REQUIRE_EQUAL(*shown, exact);
    CAF_REQUIRE(*shown < view.waiting);
    if (before) CAF_REQUIRE(*shown >= *before); // Nobody is shown before somebody earlier.
    before = shown;
  }
}

} // namespace

CAF_TEST(a line of one) {
  waiting_line x;
  CAF_CHECK(x.put(1, 7));
  CAF_CHECK(!x.put(1, 8));
  CAF_CHECK_EQUAL(x.size(), 1u);
  CAF_CHECK_EQUAL(x.ahead_of(1), 0u);
  CAF_CHECK(x.first_present() == 1u);
  x.set_present(1, false);
  CAF_CHECK(!x.first_present());
  CAF_CHECK_EQUAL(x.head(), 1u);
  x.set_present(1, true);
  CAF_CHECK(x.remove(1));
  CAF_CHECK(!x.remove(1));
  CAF_CHECK(!x.first_present());
  CAF_CHECK_EQUAL(x.head(), x.end());
}

CAF_TEST(a line that starts late refuses what is before it) {
  waiting_line x{1'000'000};
  CAF_CHECK(!x.put(999'900, 1));
  CAF_CHECK(x.put(1'000'000, 1));
  CAF_CHECK(x.bytes() < 100'000);
}

CAF_TEST(a line behaves like a sorted map whatever happens) {
  for (uint32_t seed = 1; seed <= 30; ++seed) {
    std::mt19937 random{seed};
    waiting_line fast{seed % 3 == 0 ? 5000u : 0u};
    slow_line slow;
    uint32_t next = seed % 3 == 0 ? 5000u : 1u;
    for (int step = 0; step < 3000; ++step) {
      auto what = random() % 10;
      if (what < 5) {
        next += random() % 4;
        if (!slow.people.contains(next)) {
          CAF_REQUIRE(fast.put(next, next * 3));
          slow.people[next] = {next * 3, true};
        }
      } else if (!slow.people.empty()) {
        auto i = slow.people.lower_bound(random() % (next + 1));
        if (i == slow.people.end()) i = slow.people.begin();
        if (what < 8) {
          CAF_REQUIRE(fast.remove(i->first));
          slow.people.erase(i);
        } else {
          i->second.present = what == 8;
          fast.set_present(i->first, what == 8);
        }
      }
      if (step % 500 == 0) check_equal(fast, slow, next);
    }
    check_equal(fast, slow, next);
    check_view(fast, slow);
  }
}

CAF_TEST(numbers that were served are forgotten) {
  waiting_line fast;
  slow_line slow;
  for (uint32_t n = 1; n <= 300'000; ++n) fast.put(n, n);
  auto full = fast.bytes();
  for (uint32_t n = 1; n <= 290'000; ++n) fast.remove(n);
  for (uint32_t n = 290'001; n <= 300'000; ++n) slow.people[n] = {n, true};
  fast.trim();
  CAF_CHECK(fast.bytes() < full / 10);
  CAF_CHECK(!fast.put(100, 1));
  CAF_REQUIRE(fast.put(300'001, 5));
  slow.people[300'001] = {5, true};
  for (auto n : {290'001u, 295'000u, 300'001u}) {
    auto ahead = fast.ahead_of(n), expected = slow.ahead_of(n);
    CAF_CHECK_EQUAL(ahead, expected);
  }
  CAF_CHECK(fast.first_present() == 290'001u);
}

CAF_TEST(a view is exact behind the numbers that a restart leaves out) {
  waiting_line line;
  for (uint32_t n = 1; n <= 3; ++n) line.put(n, n);
  for (uint32_t restart = 1; restart <= 20; ++restart)
    for (uint32_t n = 1; n <= 3; ++n) line.put(restart * 10'000 + n, n);
  auto view = line.view();
  for (uint32_t restart = 0; restart <= 20; ++restart)
    for (uint32_t n = 1; n <= 3; ++n)
      CAF_CHECK(view.ahead_of(restart * 10'000 + n) == restart * 3 + n - 1);
  CAF_CHECK(!view.ahead_of(10'004));
}

CAF_TEST(a view of a long line with leavers) {
  std::mt19937 random{7};
  waiting_line fast;
  slow_line slow;
  for (uint32_t n = 1; n <= 12'000; ++n) {
    fast.put(n, n);
    slow.people[n] = {n, true};
  }
  for (int i = 0; i < 5'000; ++i) {
    auto n = 1 + random() % 12'000;
    if (fast.remove(n)) slow.people.erase(n);
  }
  check_view(fast, slow);
  auto view = fast.view();
  CAF_CHECK(!view.ahead_of(view.head == 0 ? 20'000 : view.head - 1));
  CAF_CHECK(!view.ahead_of(20'000)); // Not given yet.
  CAF_CHECK(!line_view{}.ahead_of(0));
}
