#define CAF_SUITE response_cache

#include "http/api/response_cache.hpp"

#include <optional>
#include <stdexcept>

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::http;

namespace {

/// What one caller heard.
struct heard {
  int count = 0;
  answer last;
  // By value: CAF_CHECK_EQUAL keeps references to what it is given.
  [[nodiscard]] int status() const { return last.status; }
  [[nodiscard]] std::string text() const { return last.shared ? *last.shared : last.body; }
  [[nodiscard]] bool stale() const {
    return std::ranges::any_of(last.headers, [](auto& x) { return x.first == "Warning"; });
  }
};
using heard_ptr = std::shared_ptr<heard>;

class caller final : public exchange {
public:
  explicit caller(heard_ptr out) : out_(std::move(out)) {
    // nop
  }
  ~caller() override { abandon(); }

protected:
  void deliver(answer&& x) override {
    ++out_->count;
    out_->last = std::move(x);
  }

private:
  heard_ptr out_;
};

struct fixture {
  rig::rig_config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  rig::manual_clock clock;
  std::optional<ingress_pool> pool;
  std::optional<response_cache> cache;
  int loads = 0;
  std::vector<response_cache::done> held;

  fixture() {
    pool.emplace(sys, 1);
    cache.emplace(*pool, clock);
  }
  ~fixture() {
    held.clear();
    cache.reset();
    pool.reset();
    run();
  }

  void run() {
    while (sched.try_run_once()) {
      // nop
    }
  }
  void pass(millis x) { clock.at += x; }

  response_cache::loader brings(response_cache::outcome what) {
    return [this, what](caf::event_based_actor*, const response_cache::done& finish) {
      ++loads;
      finish(what);
    };
  }
  response_cache::loader refuses(ec why) { return brings(tl::unexpected(why)); }
  response_cache::loader throws() {
    return [this](caf::event_based_actor*, const response_cache::done&) {
      ++loads;
      throw std::runtime_error("on purpose");
    };
  }
  /// Stays under way until the test ends it by `held`.
  response_cache::loader takes_long() {
    return [this](caf::event_based_actor*, response_cache::done finish) {
      ++loads;
      held.push_back(std::move(finish));
    };
  }

  heard_ptr ask(const std::string& key, response_cache::loader load) {
    auto out = std::make_shared<heard>();
    cache->serve(std::make_shared<caller>(out), key, std::move(load));
    run();
    return out;
  }
  /// Without running, so that nothing is loaded yet.
  heard_ptr ask_only(const std::string& key, response_cache::loader load) {
    auto out = std::make_shared<heard>();
    cache->serve(std::make_shared<caller>(out), key, std::move(load));
    return out;
  }
  void check_usable(const std::string& key) {
    auto x = ask(key, brings("afterwards"));
    CAF_CHECK_EQUAL(x->count, 1);
    CAF_CHECK_EQUAL(x->status(), 200);
    CAF_CHECK_EQUAL(x->text(), "afterwards");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(response_cache_tests, fixture)

// -- hits -----------------------------------------------------------------------------------------

CAF_TEST(a fresh answer is served without loading) {
  ask("a", brings("one"));
  pass(response_cache::fresh_for - millis{1});
  auto x = ask_only("a", brings("two"));
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->text(), "one");
  CAF_CHECK(!x->stale());
  run();
  CAF_CHECK_EQUAL(loads, 1);
}

CAF_TEST(an answer that is not fresh is loaded again) {
  ask("a", brings("one"));
  pass(response_cache::fresh_for);
  CAF_CHECK_EQUAL(ask("a", brings("two"))->text(), "two");
  CAF_CHECK_EQUAL(ask("a", brings("three"))->text(), "two"); // Fresh from its own load.
  CAF_CHECK_EQUAL(loads, 2);
}

CAF_TEST(an answer is as old as its question) {
  auto x = ask("a", takes_long());
  pass(response_cache::fresh_for);
  held[0]("one"); // What it tells may have changed while it was on its way.
  CAF_CHECK_EQUAL(x->text(), "one");
  CAF_CHECK_EQUAL(ask("a", brings("two"))->text(), "two");
}

CAF_TEST(keys are kept apart) {
  CAF_CHECK_EQUAL(ask("a", brings("one"))->text(), "one");
  CAF_CHECK_EQUAL(ask("b", brings("two"))->text(), "two");
  CAF_CHECK_EQUAL(ask("a", brings("three"))->text(), "one");
}

CAF_TEST(many wait for one load) {
  std::vector<heard_ptr> all;
  all.reserve(100);
  for (int i = 0; i < 100; ++i) all.push_back(ask("a", takes_long()));
  for (auto& x : all) CAF_CHECK_EQUAL(x->count, 0);
  CAF_REQUIRE_EQUAL(held.size(), 1u);
  held[0]("one");
  for (auto& x : all) {
    CAF_CHECK_EQUAL(x->count, 1);
    CAF_CHECK_EQUAL(x->text(), "one");
  }
  CAF_CHECK_EQUAL(loads, 1);
}

CAF_TEST(a second outcome of one load does not count) {
  ask("a", takes_long());
  held[0]("one");
  held[0](tl::unexpected(ec::event_unknown));
  CAF_CHECK_EQUAL(ask("a", brings("two"))->text(), "one");
}

// -- failures -------------------------------------------------------------------------------------

CAF_TEST(while the database is away the last answer goes on and says that it is stale) {
  ask("a", brings("one"));
  pass(millis{5000});
  auto x = ask("a", refuses(ec::unavailable));
  CAF_CHECK_EQUAL(x->status(), 200);
  CAF_CHECK_EQUAL(x->text(), "one");
  CAF_CHECK(x->stale());
  auto y = ask("a", brings("two")); // A stale answer is not kept for fresh.
  CAF_CHECK_EQUAL(y->text(), "two");
  CAF_CHECK(!y->stale());
}

CAF_TEST(without a last answer it is refused and nothing is kept) {
  auto x = ask("a", refuses(ec::unavailable));
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->status(), 503);
  check_usable("a");
}

CAF_TEST(an answer that is too old is not shown) {
  ask("a", brings("one"));
  pass(response_cache::oldest);
  CAF_CHECK_EQUAL(ask("a", refuses(ec::unavailable))->status(), 503);
}

CAF_TEST(what was not found is not cached) {
  CAF_CHECK_EQUAL(ask("a", refuses(ec::event_unknown))->status(), 404);
  CAF_CHECK_EQUAL(ask("a", refuses(ec::event_unknown))->status(), 404);
  CAF_CHECK_EQUAL(loads, 2);
  check_usable("a");
}

CAF_TEST(what is not found any more is not shown as stale) {
  ask("a", brings("one"));
  pass(millis{5000});
  CAF_CHECK_EQUAL(ask("a", refuses(ec::event_unknown))->status(), 404);
  CAF_CHECK_EQUAL(ask("a", refuses(ec::unavailable))->status(), 503);
}

CAF_TEST(a loader that throws answers 500 and the key goes on) {
  auto x = ask_only("a", throws()), y = ask_only("a", throws());
  run();
  for (auto& one : {x, y}) {
    CAF_CHECK_EQUAL(one->count, 1);
    CAF_CHECK_EQUAL(one->status(), 500);
  }
  CAF_CHECK_EQUAL(loads, 1);
  check_usable("a");
}

CAF_TEST(a load that is lost with its actor answers 500 and the key goes on) {
  pool->run([](caf::event_based_actor*) { throw std::runtime_error("on purpose"); });
  auto x = ask("a", brings("never"));
  CAF_CHECK_EQUAL(loads, 0);
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->status(), 500);
  check_usable("a");
}

CAF_TEST(a load that is forgotten answers 500 and the key goes on) {
  auto x = ask("a", takes_long());
  CAF_CHECK_EQUAL(x->count, 0);
  held.clear();
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->status(), 500);
  check_usable("a");
}

CAF_TEST(a load may outlive the cache) {
  auto x = ask("a", takes_long());
  cache.reset();
  held[0]("one");
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->text(), "one");
}

// -- bounds ---------------------------------------------------------------------------------------

CAF_TEST(beyond the bound old answers go first) {
  constexpr auto half = response_cache::entries_max / 2;
  for (size_t i = 0; i < half; ++i) ask("old" + std::to_string(i), brings("x"));
  pass(response_cache::fresh_for + millis{1});
  for (size_t i = half; i < response_cache::entries_max; ++i)
    ask("new" + std::to_string(i), brings("x"));
  ask("one more", brings("x"));
  loads = 0;
  ask("new" + std::to_string(half), brings("x"));
  CAF_CHECK_EQUAL(loads, 0);
  CAF_CHECK_EQUAL(ask("old0", refuses(ec::unavailable))->status(), 503); // Not even stale.
}

CAF_TEST(beyond the bound fresh answers go too) {
  for (size_t i = 0; i < response_cache::entries_max; ++i) ask(std::to_string(i), brings("x"));
  CAF_CHECK_EQUAL(ask("one more", brings("y"))->text(), "y");
  CAF_CHECK_EQUAL(ask("0", refuses(ec::unavailable))->status(), 503);
}

CAF_TEST(beyond the bound of bytes old answers go first) {
  std::string big(response_cache::bytes_max / 4, 'x');
  ask("old", brings(big));
  pass(response_cache::fresh_for);
  for (auto key : {"1", "2"}) ask(key, brings(big));
  ask("3", brings(big)); // Each has a short gzip form, too.
  CAF_CHECK_EQUAL(ask("old", refuses(ec::unavailable))->status(), 503);
  loads = 0;
  for (auto key : {"1", "2", "3"}) ask(key, brings(big));
  CAF_CHECK_EQUAL(loads, 0);
  CAF_CHECK_EQUAL(ask("4", brings(big))->status(), 200); // All are fresh: all go.
  for (auto key : {"1", "2", "3", "4"})
    CAF_CHECK_EQUAL(ask(key, refuses(ec::unavailable))->status(), 503);
}

CAF_TEST(an answer that is replaced or refused gives its bytes back) {
  std::string big(response_cache::bytes_max / 4, 'x');
  for (int i = 0; i < 20; ++i) {
    pass(response_cache::fresh_for);
    ask("a", brings(big));
    ask("b", brings(big));
    pass(response_cache::fresh_for);
    ask("b", refuses(ec::event_unknown));
  }
  pass(response_cache::fresh_for);
  CAF_CHECK(ask("a", refuses(ec::unavailable))->stale()); // It was not dropped for want of room.
}

CAF_TEST(beyond the bound of loads the answer is busy at once) {
  std::vector<heard_ptr> all;
  for (size_t i = 0; i < response_cache::entries_max; ++i)
    all.push_back(ask(std::to_string(i), takes_long()));
  auto x = ask("one more", takes_long());
  CAF_CHECK_EQUAL(x->count, 1);
  CAF_CHECK_EQUAL(x->status(), 503);
  auto y = ask("0", takes_long()); // It waits for a load that is under way.
  CAF_CHECK_EQUAL(y->count, 0);
  for (auto& finish : held) finish("x");
  CAF_CHECK_EQUAL(y->count, 1);
  CAF_CHECK(std::ranges::all_of(all, [](auto& one) { return one->count == 1; }));
  check_usable("one more");
}

CAF_TEST_FIXTURE_SCOPE_END()
