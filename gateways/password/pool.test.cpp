#define CAF_SUITE password_pool
#include "gateways/password/pool.hpp"

#include "caf/test/dsl.hpp"

#include "supervisors/reply_once.hpp"

namespace {

using namespace tk;

/// A worker that keeps every request until it is told to answer.
struct stuck_state {
  std::vector<caf::typed_response_promise<hashed_password>> open;
};
using stuck_actor = password_actor::extend<caf::reacts_to<int>>;

/// CAF dereferences a null pointer when a function is spawned without arguments, hence the number.
stuck_actor::behavior_type stuck(stuck_actor::stateful_pointer<stuck_state> self, size_t room) {
  self->state.open.reserve(room);
  return {
    [=](const hash_password&) {
      auto rp = self->make_response_promise<hashed_password>();
      self->state.open.push_back(rp);
      return rp;
    },
    [=](const verify_password&) { return password_verified{}; },
    [=](int) {
      for (auto& x : self->state.open) x.deliver(hashed_password{ec::ok, "done"});
      self->state.open.clear();
    },
  };
}

struct fixture : test_coordinator_fixture<> {
  stuck_actor slow = sys.spawn(stuck, size_t{1});
  password_actor pool = spawn_password_front(sys, 2, {caf::actor_cast<password_actor>(slow)});
  int answered = 0, busy = 0;

  ~fixture() {
    caf::anon_send_exit(pool, caf::exit_reason::user_shutdown); // Ends its workers, too.
    consume_messages();
  }

  void ask() {
    self->send(pool, hash_password{"Test1234!"});
    consume_messages(); // Not run(): it would fire the time-outs of the requests.
    drain();
  }
  void drain() {
    for (bool more = true; more;)
      self->receive([&](const hashed_password& x) { ++(x.error == ec::busy ? busy : answered); },
                    caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(password_pool_tests, fixture)

CAF_TEST(H31 a full pool refuses at once and never loses an answer) {
  for (int i = 0; i < 3; ++i) // One at work, two waiting.
    ask();
  CAF_CHECK_EQUAL(busy, 0);
  ask();
  CAF_CHECK_EQUAL(busy, 1);
  CAF_CHECK_EQUAL(answered, 0);
  for (int i = 0; i < 3; ++i) {
    self->send(slow, 1);
    consume_messages(); // Not run(): it would fire the time-outs of the requests.
    drain();
    CAF_CHECK_EQUAL(answered, i + 1);
  }
  ask();
  CAF_CHECK_EQUAL(busy, 1);
}

CAF_TEST(one thread per two cores) {
  CAF_CHECK_EQUAL(password_workers_for(1), 1u);
  CAF_CHECK_EQUAL(password_workers_for(2), 1u);
  CAF_CHECK_EQUAL(password_workers_for(8), 4u);
}

CAF_TEST_FIXTURE_SCOPE_END()
