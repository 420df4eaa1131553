#define CAF_SUITE attempt_log
#include "supervisors/attempt_log.hpp"

#include <random>
#include <thread>

#include "caf/test/dsl.hpp"

using namespace tk;

namespace {

attempt_subject seat_no(uint64_t n) { return {n, 7}; }

attempt at_ms(int64_t ms, uint64_t user, std::string_view why = "seat_held") {
  attempt out;
  out.first_at = from_ms(ms);
  out.user = {user, 0};
  out.reservation = {static_cast<uint64_t>(ms), user};
  out.why = why;
  return out;
}

} // namespace

CAF_TEST(what was noted is told in order) {
  attempt_log log;
  log.note(seat_no(1), at_ms(1, 1));
  log.note(seat_no(1), at_ms(2, 2));
  log.note(seat_no(2), at_ms(3, 3));
  auto found = log.about(seat_no(1));
  CAF_REQUIRE_EQUAL(found.attempts.size(), 2u);
  CAF_CHECK(!found.replaced);
  CAF_CHECK_EQUAL(found.attempts[0].user.hi, 1u);
  CAF_CHECK_EQUAL(found.attempts[1].user.hi, 2u);
  CAF_CHECK(found.attempts[1].last_at == from_ms(2));
  CAF_CHECK(log.about(seat_no(3)).attempts.empty());
}

CAF_TEST(who asks a thousand times does not push out the others) {
  attempt_log log;
  log.note(seat_no(1), at_ms(1, 1));
  for (int64_t i = 0; i < 1000; ++i) log.note(seat_no(1), at_ms(10 + i, 2));
  auto found = log.about(seat_no(1));
  CAF_REQUIRE_EQUAL(found.attempts.size(), 2u);
  auto& again = found.attempts[1];
  CAF_CHECK_EQUAL(again.times, 1000u);
  CAF_CHECK(again.first_at == from_ms(10));
  CAF_CHECK(again.last_at == from_ms(1009));
  CAF_CHECK(again.reservation == (reservation_id{1009, 2}));
}

CAF_TEST(another reason or another thing tried is no repetition) {
  attempt_log log;
  log.note(seat_no(1), at_ms(1, 1, "seat_held"));
  log.note(seat_no(1), at_ms(2, 1, "seat_sold"));
  auto claim = at_ms(3, 1, "seat_sold");
  claim.what = attempt_on::claim;
  log.note(seat_no(1), claim);
  claim.fate = attempt_fate::taken;
  log.note(seat_no(1), claim);
  log.note(seat_no(1), claim); // Two claims are two claims.
  CAF_CHECK_EQUAL(log.about(seat_no(1)).attempts.size(), 5u);
}

CAF_TEST(of one subject the oldest give way and that is told) {
  attempt_log log;
  for (uint64_t i = 0; i < attempt_log::attempts_max + 3; ++i)
    log.note(seat_no(1), at_ms(static_cast<int64_t>(i), i));
  auto found = log.about(seat_no(1));
  CAF_CHECK_EQUAL(found.attempts.size(), attempt_log::attempts_max);
  CAF_CHECK(found.replaced);
  CAF_CHECK_EQUAL(found.attempts.front().user.hi, 3u);
}

CAF_TEST(of subjects the one that nobody has wanted for longest is forgotten) {
  constexpr size_t max = 160;
  attempt_log log{max};
  CAF_CHECK(log.forgotten_until() == instant{});
  constexpr uint64_t many = 10'000;
  for (uint64_t i = 0; i < many; ++i) {
    log.note(seat_no(i), at_ms(static_cast<int64_t>(i) + 1, 1));
    log.note(seat_no(0), at_ms(static_cast<int64_t>(i) + 1, 1)); // Wanted all the time.
  }
  size_t kept = 0;
  for (uint64_t i = 0; i < many; ++i) kept += log.about(seat_no(i)).attempts.empty() ? 0 : 1;
  CAF_CHECK(kept <= max);
  CAF_CHECK(kept > max / 2);
  CAF_CHECK_EQUAL(log.about(seat_no(0)).attempts.size(), 1u);
  CAF_CHECK(!log.about(seat_no(many - 1)).attempts.empty());
  auto until = log.forgotten_until();
  CAF_CHECK(until > instant{});
  CAF_CHECK(until < from_ms(static_cast<int64_t>(many)));
}

CAF_TEST(a reservation is found wherever it was tried) {
  attempt_log log;
  const reservation_id id{5, 6};
  for (uint64_t seat : {3u, 1u, 2u}) {
    auto x = at_ms(static_cast<int64_t>(seat), 1);
    x.reservation = id;
    log.note(seat_no(seat), x);
    log.note(seat_no(seat), at_ms(9, 2));
  }
  auto found = log.of_reservation(id);
  CAF_REQUIRE_EQUAL(found.size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) CAF_CHECK(found[i].subject == seat_no(i + 1));
  CAF_CHECK(log.of_reservation({6, 5}).empty());
}

CAF_TEST(many threads note and ask at once) {
  attempt_log log{64};
  auto work = [&log](uint64_t of) {
    std::mt19937_64 random{of};
    for (int64_t i = 0; i < 5000; ++i) {
      log.note(seat_no(random() % 200), at_ms(i, of));
      if (i % 50 == 0 && log.of_reservation({static_cast<uint64_t>(i), of}).size() > 2) return i;
      if (log.about(seat_no(random() % 200)).attempts.size() > attempt_log::attempts_max) return i;
    }
    return int64_t{-1};
  };
  std::array<int64_t, 4> wrong{};
  {
    std::vector<std::jthread> threads;
    for (uint64_t of = 0; of < wrong.size(); ++of)
      threads.emplace_back([&, of] { wrong.at(of) = work(of); });
  }
  for (auto x : wrong) CAF_CHECK_EQUAL(x, -1);
}
