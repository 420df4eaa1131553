#define CAF_SUITE ingress

#include "http/api/ingress.hpp"

#include <optional>
#include <set>
#include <stdexcept>

#include "tests/support/node_rig.hpp"

using namespace tk;
using namespace tk::http;

namespace {

struct fixture {
  rig::rig_config cfg;
  caf::actor_system sys{cfg};
  caf::scheduler::test_coordinator& sched =
    dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler());
  size_t others = sys.registry().running();
  std::optional<ingress_pool> pool;

  fixture() { pool.emplace(sys, 2); }
  ~fixture() {
    pool.reset();
    run();
  }

  void run() {
    while (sched.try_run_once()) {
      // nop
    }
  }
  void fail_a_job() {
    pool->run([](caf::event_based_actor*) { throw std::runtime_error("on purpose"); });
  }
  /// The actors that work now.
  std::set<caf::actor_id> workers() {
    std::set<caf::actor_id> out;
    for (int i = 0; i < 2; ++i)
      pool->run([&out](caf::event_based_actor* self) { out.insert(self->id()); });
    run();
    return out;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ingress_tests, fixture)

CAF_TEST(jobs are shared out among the actors) {
  auto first = workers();
  CAF_CHECK_EQUAL(first.size(), 2u);
  CAF_CHECK(workers() == first);
}

CAF_TEST(an actor whose job throws is replaced and later jobs run) {
  auto before = workers();
  for (int round = 0; round < 3; ++round) {
    fail_a_job();
    fail_a_job();
    run();
    auto after = workers();
    CAF_CHECK_EQUAL(after.size(), 2u);
    for (auto x : after) CAF_CHECK(!before.contains(x));
    CAF_CHECK_EQUAL(sys.registry().running(), others + 2);
    before = after;
  }
}

CAF_TEST(the other actors go on) {
  auto before = workers();
  fail_a_job();
  run();
  auto both = workers();
  both.insert(before.begin(), before.end());
  CAF_CHECK_EQUAL(both.size(), 3u);
}

CAF_TEST(a job behind one that throws is dropped and lets go of what it held) {
  auto held = std::make_shared<int>(0);
  auto ran = std::make_shared<bool>(false);
  fail_a_job();
  pool->run([](caf::event_based_actor*) {
    // nop
  });
  pool->run([held, ran](caf::event_based_actor*) { *ran = true; });
  run();
  CAF_CHECK(!*ran);
  CAF_CHECK_EQUAL(held.use_count(), 1);
}

CAF_TEST(a closed pool drops its jobs) {
  auto held = std::make_shared<int>(0);
  pool->close();
  pool->run([held](caf::event_based_actor*) { ++*held; });
  run();
  CAF_CHECK_EQUAL(*held, 0);
  CAF_CHECK_EQUAL(held.use_count(), 1);
  CAF_CHECK_EQUAL(sys.registry().running(), others);
}

CAF_TEST(a pool leaves no actor behind) {
  CAF_CHECK_EQUAL(sys.registry().running(), others + 2);
  pool.reset();
  run();
  CAF_CHECK_EQUAL(sys.registry().running(), others);
}

CAF_TEST(an actor that fails after the end of the pool is not replaced) {
  auto self = std::make_shared<caf::actor>();
  pool->run([self](caf::event_based_actor* x) { *self = x; });
  run();
  caf::anon_send_exit(std::exchange(*self, {}), caf::exit_reason::kill);
  pool.reset();
  run();
  CAF_CHECK_EQUAL(sys.registry().running(), others);
}

CAF_TEST_FIXTURE_SCOPE_END()
