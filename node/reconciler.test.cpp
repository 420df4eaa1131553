// A run at one node, with rows and a provider that answer as they are told.
#define CAF_SUITE reconciler
#include "node/reconciler.hpp"

#include <map>

#include <caf/all.hpp>

#include "caf/test/dsl.hpp"

#include "supervisors/reply_once.hpp"

using namespace tk;

namespace {

struct standing_still final : wall_clock {
  [[nodiscard]] instant now() const override { return from_ms(1'800'000'000'000); }
};

/// What the rows say, and what was written.
struct record {
  run_begin begin = run_begin::ours;
  bool goes_on = true, away = false, compare = false, whole = true;
  std::vector<money_row> rows;
  std::map<attempt_id, std::optional<money_row>> changed; ///< Since they were read.
  std::vector<begin_reconciliation> begun;
  std::vector<found_case> opened;
  std::vector<std::string> closed;
  std::vector<attempt_id> asked_again;
  std::vector<end_reconciliation> ended;
  int touched = 0, looks = 0, compared = 0;
  std::vector<int64_t> open = std::vector<int64_t>(case_kinds);
};

caf::behavior rows(caf::event_based_actor*, record* of) {
  return {
    [of](const begin_reconciliation& x) -> caf::result<reconciliation_begun> {
      if (of->away) return tk::make_error(ec::unavailable);
      of->begun.push_back(x);
      reconciliation_begun out{of->begin, x.id, 10, 20, of->compare, {}, {}};
      if (of->begin == run_begin::ours) out.rows = of->rows;
      return out;
    },
    [of](const find_money& x) {
      money_found out;
      if (auto i = of->changed.find(x.attempt); i != of->changed.end()) {
        if (i->second) out.rows.push_back(*i->second);
        return out;
      }
      for (auto& row : of->rows)
        if (row.attempt == x.attempt) out.rows.push_back(row);
      return out;
    },
    [of](const touch_reconciliation&) {
      ++of->touched;
      return reconciliation_goes_on{of->goes_on};
    },
    [of](const ask_again& x) {
      of->asked_again.push_back(x.attempt);
      return asked_again{true};
    },
    [of](const open_case& x) {
      of->opened.push_back(x.what);
      return case_noted{true};
    },
    [of](const close_case& x) {
      of->closed.push_back(x.subject);
      return case_noted{true};
    },
    [of](const compare_rows&) {
      ++of->compared;
      return rows_compared{of->whole, of->whole ? "" : "too many rows", 30, 0, 0, 0, millis{7}};
    },
    [of](const end_reconciliation& x) {
      of->ended.push_back(x);
      return reconciliation_ended{};
    },
    [of](const look_at_cases&) {
      ++of->looks;
      return cases_seen{of->open, of->open, 0, {}};
    },
  };
}

/// What the provider says of an order.
using register_of = std::map<std::string, payment_report>;

struct till {
  register_of orders;
  std::vector<std::string> asked;
};

caf::behavior provider(caf::event_based_actor*, till* of) {
  return {[of](const query_payment& x) {
    of->asked.push_back(x.order_id);
    auto i = of->orders.find(x.order_id);
    return i == of->orders.end() ? payment_report{} : i->second;
  }};
}

struct fixture : test_coordinator_fixture<> {
  record book;
  till money;
  standing_still clock;
  reconciler_probe probe;
  bool owns = false;
  uint64_t ids = 0;
  caf::actor table = sys.spawn(rows, &book);
  caf::actor shop = sys.spawn(provider, &money);
  reconciler_actor who =
    spawn_reconciler(sys, settings(), as<reconciliation_actor>(table), clock, probe);

  template <class T> static T as(const caf::actor& x) { return caf::actor_cast<T>(x); }

  reconciler_config settings() {
    reconciler_config out;
    out.node = {0xf, 1};
    out.owns = [this] { return owns; };
    out.fresh_id = [this] { return reconciliation_id{0xe, ++ids}; };
    out.payments = as<payment_actor>(shop);
    return out;
  }

  ~fixture() {
    for (auto& x : {caf::actor_cast<caf::actor>(who), table, shop})
      caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    consume_messages();
  }

  money_row& add(uint64_t no, const char* status, const char* from = "toss") {
    auto& x = book.rows.emplace_back();
    x.attempt = {0xa, no};
    x.payment = {0xb, no};
    x.reservation = {0xc, no};
    x.order_id = "ORD_" + std::to_string(no);
    x.provider = from;
    x.status = status;
    x.amount = won{1000};
    x.why = money_why::booked;
    return x;
  }

  void says(uint64_t no, payment_state is, int64_t amount = 1000, int64_t back = 0) {
    auto& x = money.orders["ORD_" + std::to_string(no)];
    x.is = is;
    x.amount = won{amount};
    x.refunded = won{back};
  }

  /// Somebody asks; the answer.
  reconcile_begun demand() {
    reconcile_begun out;
    auto asked = self->request(who, caf::infinite, reconcile_now{{0xd, 1}, "ann"});
    consume_messages();
    asked.receive([&](const reconcile_begun& x) { out = x; },
                  [](const caf::error&) { CAF_FAIL("refused"); });
    return out;
  }

  /// The pauses between questions pass.
  void pass(int questions = 20) {
    for (int i = 0; i < questions; ++i) {
      advance_time(millis{300});
      consume_messages();
    }
  }

  void tick() {
    advance_time(millis{15'000});
    consume_messages();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(reconciler_tests, fixture)

CAF_TEST(a run asks about each row and ends) {
  add(1, "approved");
  add(2, "approved");
  says(1, payment_state::captured);
  says(2, payment_state::captured);
  book.compare = true;
  CAF_CHECK(demand().is == run_begin::ours);
  CAF_CHECK_EQUAL(money.asked.size(), 1u); // One question at a time, and then a pause.
  pass();
  CAF_CHECK_EQUAL(money.asked.size(), 2u);
  CAF_REQUIRE_EQUAL(book.ended.size(), 1u);
  CAF_CHECK_EQUAL(book.ended[0].asked_to, 20);
  CAF_CHECK(book.ended[0].compared);
  CAF_CHECK(book.opened.empty());
  CAF_CHECK_EQUAL(probe.runs.load(), 1u);
  CAF_CHECK(book.ended[0].result.find(R"("asked":2,"agreed":2)") != std::string::npos);
}

CAF_TEST(what the provider took for a failed attempt is asked for again and is a case) {
  add(1, "voided");
  says(1, payment_state::captured);
  demand();
  pass();
  CAF_CHECK((book.asked_again == std::vector<attempt_id>{{0xa, 1}}));
  CAF_REQUIRE_EQUAL(book.opened.size(), 1u);
  CAF_CHECK(book.opened[0].kind == case_kind::paid_incomplete);
  CAF_CHECK_EQUAL(probe.repairs.load(), 1u);
}

CAF_TEST(what has changed since it was read is no difference) {
  auto row = add(1, "approved");
  says(1, payment_state::captured, 1000, 1000); // Given back just now.
  row.refund = {0xd, 1};
  row.refund_amount = won{1000};
  book.changed[row.attempt] = row;
  add(2, "approved");
  says(2, payment_state::captured, 1000, 1000);
  book.changed[{0xa, 2}] = std::nullopt;
  demand();
  pass();
  CAF_CHECK(book.opened.empty());
  CAF_CHECK_EQUAL(book.ended.size(), 1u);
}

CAF_TEST(a provider that is away is asked no more and its window stays open) {
  for (uint64_t i = 1; i <= 10; ++i) add(i, "approved");
  add(11, "approved", "portone");
  says(11, payment_state::captured);
  demand();
  pass();
  CAF_CHECK_EQUAL(money.asked.size(), 4u); // Three without an answer, then the other provider.
  CAF_REQUIRE_EQUAL(book.ended.size(), 1u);
  CAF_CHECK_EQUAL(book.ended[0].asked_to, 10); // The next run asks about the same entries.
  CAF_CHECK(book.opened.empty());
}

CAF_TEST(an open breaker is enough not to ask) {
  for (uint64_t i = 1; i <= 3; ++i) add(i, "approved");
  says(1, payment_state::not_asked);
  demand();
  pass();
  CAF_CHECK_EQUAL(money.asked.size(), 1u);
}

CAF_TEST(what nobody knows is a case without an answer too) {
  add(1, "live").why = money_why::live;
  demand();
  pass();
  CAF_REQUIRE_EQUAL(book.opened.size(), 1u);
  CAF_CHECK(book.opened[0].kind == case_kind::payment_unresolved);
  CAF_CHECK_EQUAL(book.ended[0].asked_to, 20); // It is no entry of the books.
}

CAF_TEST(what costs nothing is asked of nobody) {
  add(1, "approved", "none");
  add(2, "live", "none").why = money_why::live;
  demand();
  pass();
  CAF_CHECK(money.asked.empty());
  CAF_CHECK_EQUAL(book.opened.size(), 1u); // It is pinned, and not sold.
}

CAF_TEST(a difference that is none any more closes its case) {
  add(1, "approved").why = money_why::differed;
  says(1, payment_state::captured);
  demand();
  pass();
  CAF_REQUIRE_EQUAL(book.closed.size(), 1u);
  CAF_CHECK_EQUAL(book.closed[0], "attempt " + to_string(attempt_id{0xa, 1}));
}

CAF_TEST(a run that was taken for dead stops) {
  for (uint64_t i = 1; i <= 9; ++i) {
    add(i, "approved");
    says(i, payment_state::captured);
  }
  demand();
  book.goes_on = false;
  pass();
  CAF_CHECK(book.ended.empty());
  CAF_CHECK_EQUAL(probe.failures.load(), 1u);
  book.goes_on = true;
  CAF_CHECK(demand().is == run_begin::ours); // And another one may begin.
  pass();
  CAF_CHECK_EQUAL(book.ended.size(), 1u);
}

CAF_TEST(one run at a time) {
  add(1, "approved");
  says(1, payment_state::captured);
  add(2, "approved");
  says(2, payment_state::captured);
  demand();
  auto second = demand();
  CAF_CHECK(second.is == run_begin::under_way);
  CAF_CHECK((second.id == reconciliation_id{0xd, 1}));
  pass();
  book.begin = run_begin::under_way; // At another node.
  CAF_CHECK(demand().is == run_begin::under_way);
  pass();
  CAF_CHECK_EQUAL(book.ended.size(), 1u);
}

CAF_TEST(only the owner begins of its own accord and counts cases) {
  book.open[0] = 3;
  tick();
  CAF_CHECK(book.begun.empty());
  CAF_CHECK_EQUAL(probe.open.at(0).load(), 0);
  owns = true;
  tick();
  CAF_CHECK_EQUAL(book.begun.size(), 1u);
  CAF_CHECK(book.begun[0].by.empty()); // When it is due, and not before.
  CAF_CHECK_EQUAL(probe.open.at(0).load(), 3);
  owns = false;
  tick();
  CAF_CHECK_EQUAL(probe.open.at(0).load(), 0); // The next owner tells.
}

CAF_TEST(without a database nothing begins and the next look tries again) {
  owns = true;
  book.away = true;
  tick();
  CAF_CHECK_EQUAL(probe.runs.load(), 0u);
  book.away = false;
  tick();
  CAF_CHECK_EQUAL(probe.runs.load(), 1u);
}

CAF_TEST(rows that are too many are said not to be compared) {
  book.compare = true;
  book.whole = false;
  demand();
  pass();
  CAF_REQUIRE_EQUAL(book.ended.size(), 1u);
  CAF_CHECK(book.ended[0].result.find("too many rows") != std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
