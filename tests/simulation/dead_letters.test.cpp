#define CAF_SUITE dead_letters

#include "tests/simulation/dead_letters.hpp"

#include <caf/all.hpp>
#include <caf/test/dsl.hpp>

using namespace tk::sim;

namespace {

/// What the first actor hears is looked at before it handles it.
/// Answers what the function says.
template <class F> caf::behavior answering(caf::event_based_actor*, F answer) {
  return {[=](int x) { return answer(x); }};
}

caf::behavior silent(caf::event_based_actor* self, int) {
  return {[=](int) -> caf::result<int> { return self->make_response_promise<int>(); }};
}

caf::behavior deaf(caf::event_based_actor* self, int) {
  self->set_default_handler(caf::drop);
  return {[](const std::string&) {}};
}

void asker(caf::event_based_actor* self, const caf::actor& whom) {
  self->request(whom, std::chrono::seconds(1), 1).then([](int) {}, [](const caf::error&) {});
}

/// Monitors `whom`, and then does `what`.
template <class F>
caf::behavior watcher(caf::event_based_actor* self, const caf::actor& whom, F what) {
  self->monitor(whom);
  self->set_down_handler([=](caf::down_msg&) { self->quit(); });
  what(self, whom);
  return {[](int) {}};
}

/// What an actor hears is looked at before it handles it.
struct fixture : test_coordinator_fixture<> {
  dead_letters letters;

  void run() {
    while (sched.has_job()) {
      auto next = dynamic_cast<caf::scheduled_actor*>(sched.jobs.front());
      if (next != nullptr) letters.look(*next);
      sched.run_once();
    }
  }
  /// Runs until nothing happens any more, and then all timers.
  void run_all() {
    run();
    while (sched.trigger_timeouts() > 0) run();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(dead_letters_tests, fixture)

CAF_TEST(an answer is all right and its timer says nothing) {
  auto echo = [](int x) { return x; };
  sys.spawn(asker, sys.spawn(answering<decltype(echo)>, echo));
  run_all();
  CAF_CHECK_EQUAL(letters.wrong(), "");
}

CAF_TEST(a promise that nobody keeps is told unless a fault explains it) {
  letters.excused = true;
  sys.spawn(asker, sys.spawn(silent, 0));
  run_all();
  CAF_CHECK_EQUAL(letters.wrong(), "");
  letters.excused = false;
  sys.spawn(asker, sys.spawn(silent, 0));
  run_all();
  CAF_CHECK(letters.wrong().find("request_timeout") != std::string::npos);
}

CAF_TEST(a message that is not understood is never right) {
  letters.excused = true;
  sys.spawn(asker, sys.spawn(deaf, 0));
  run_all();
  CAF_CHECK(letters.wrong().find("unexpected_message") != std::string::npos);
}

CAF_TEST(an exception is never right) {
  letters.excused = true;
  auto bad = [](int) -> int { throw std::runtime_error("planted"); };
  auto ask = [](caf::event_based_actor* x, const caf::actor& y) { x->send(y, 1); };
  sys.spawn(watcher<decltype(ask)>, sys.spawn(answering<decltype(bad)>, bad), ask);
  run_all();
  CAF_CHECK(letters.wrong().find("runtime_error") != std::string::npos);
}

CAF_TEST(who is told to end is no news) {
  auto end = [](caf::event_based_actor* x, const caf::actor& y) {
    x->send_exit(y, caf::exit_reason::user_shutdown);
  };
  sys.spawn(watcher<decltype(end)>, sys.spawn(silent, 0), end);
  run_all();
  CAF_CHECK_EQUAL(letters.wrong(), "");
}

CAF_TEST_FIXTURE_SCOPE_END()
