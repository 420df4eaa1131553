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

  void ask(millis patience = millis{6000}) {
    self->send(pool, hash_password{"Test1234!", patience});
    consume_messages(); // Not run(): it would fire the time-outs of the requests.
    drain();
  }
  /// The worker answers what it has in hand.
  void finish_one() {
    self->send(slow, 1);
    consume_messages();
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
    finish_one();
    CAF_CHECK_EQUAL(answered, i + 1);
  }
  ask();
  CAF_CHECK_EQUAL(busy, 1);
}

CAF_TEST(I17 what would come too late is not begun) {
  ask();
  ask(millis{1000});
  ask(millis{6000});
  sched.clock().current_time += millis{2000}; // No time-out of a request fires.
  finish_one();
  CAF_CHECK_EQUAL(answered, 1);
  CAF_CHECK_EQUAL(busy, 1); // The second asker has gone; the third is being served.
  finish_one();
  CAF_CHECK_EQUAL(answered, 2);
  CAF_CHECK_EQUAL(busy, 1);
}

CAF_TEST(I17 a turn that comes just before its asker goes is not taken) {
  ask();
  ask(millis{3000});
  sched.clock().current_time += millis{1800}; // As long as the first hash takes.
  finish_one();
  CAF_CHECK_EQUAL(answered, 1);
  CAF_CHECK_EQUAL(busy, 1);
  ask(millis{3000}); // Nobody is before it: it is given a try.
  finish_one();
  CAF_CHECK_EQUAL(answered, 2);
}

CAF_TEST(I17 the places of those who have gone are free) {
  for (auto patience : {6000, 1000, 1000}) ask(millis{patience});
  sched.clock().current_time += millis{1500};
  ask();
  CAF_CHECK_EQUAL(busy, 2);
  finish_one();
  finish_one();
  CAF_CHECK_EQUAL(answered, 2);
}

CAF_TEST(H30 nothing is begun for somebody who has gone already) {
  ask(millis{0});
  CAF_CHECK_EQUAL(busy, 1);
  finish_one();
  CAF_CHECK_EQUAL(answered, 0);
}

CAF_TEST(the pace follows a slow hash at once and fast ones by and by) {
  hashing_pace pace;
  CAF_CHECK(pace.in_time(millis{1}));
  pace.took(millis{800});
  CAF_CHECK(!pace.in_time(millis{800}));
  CAF_CHECK(pace.in_time(millis{801}));
  pace.took(millis{0});
  CAF_CHECK(pace.in_time(millis{701}));
  CAF_CHECK(!pace.in_time(millis{700}));
  pace.took(millis{3'600'000}); // A thawed node.
  CAF_CHECK(pace.in_time(millis{2001}));
}

CAF_TEST(one thread per two cores) {
  CAF_CHECK_EQUAL(password_workers_for(1), 1u);
  CAF_CHECK_EQUAL(password_workers_for(2), 1u);
  CAF_CHECK_EQUAL(password_workers_for(8), 4u);
}

CAF_TEST_FIXTURE_SCOPE_END()
