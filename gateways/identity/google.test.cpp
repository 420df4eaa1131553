#define CAF_SUITE google_identity
#include "gateways/identity/google.hpp"

#include "caf/test/dsl.hpp"

#include "gateways/identity/token_maker.hpp"

using namespace tk;
using namespace tk::test;

namespace {

constexpr int64_t now_s = 1'790'000'000;

struct manual_clock : wall_clock {
  instant at = from_ms(now_s * 1000);
  [[nodiscard]] instant now() const override { return at; }
};

struct played_state {
  std::vector<caf::typed_response_promise<fetched_url>> open;
  int asked = 0;
};
using played_fetcher =
  fetch_actor::extend<caf::replies_to<int>::with<int>, caf::reacts_to<fetched_url>>;

/// Keeps every fetch until it is told what came of it.
played_fetcher::behavior_type played(played_fetcher::stateful_pointer<played_state> self, size_t) {
  return {
    [=](const fetch_url&) {
      ++self->state.asked;
      auto rp = self->make_response_promise<fetched_url>();
      self->state.open.push_back(rp);
      return rp;
    },
    [=](int) { return self->state.asked; },
    [=](const fetched_url& x) {
      for (auto& rp : std::exchange(self->state.open, {})) rp.deliver(x);
    },
  };
}

struct fixture : test_coordinator_fixture<> {
  manual_clock clock;
  identity_probe probe;
  token_maker maker{"k1"}, next{"k2"};
  played_fetcher fetcher = sys.spawn(played, size_t{0});
  identity_actor google =
    spawn_google_identity(sys, settings(), caf::actor_cast<fetch_actor>(fetcher), clock, probe);
  std::vector<ec> heard;

  ~fixture() {
    caf::anon_send_exit(google, caf::exit_reason::user_shutdown);
    consume_messages();
  }

  static identity_config settings() {
    identity_config out;
    out.keys_url = "http://keys";
    out.rules.audience = "us";
    out.waiting_max = 2;
    return out;
  }
  std::string token(const token_maker& by) { return by.sign(claims(to_ms(clock.at) / 1000)); }
  void verify(const std::string& credential) {
    self->send(google, verify_identity{credential});
    consume_messages(); // Not run(): it would fire the time-outs of the requests.
    drain();
  }
  void answer(int status, const std::string& body) {
    self->send(fetcher, fetched_url{status, body, "", millis{5}});
    consume_messages();
    drain();
  }
  void drain() {
    for (bool more = true; more;)
      self->receive([&](const identity_verified& x) { heard.push_back(x.error); },
                    caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
  }
  int fetches() {
    int n = -1;
    self->send(fetcher, 1);
    consume_messages();
    self->receive([&](int x) { n = x; });
    return n;
  }
};

using list = std::vector<ec>;

} // namespace

CAF_TEST_FIXTURE_SCOPE(google_identity_tests, fixture)

CAF_TEST(the first tokens wait for one fetch and later ones for none) {
  verify(token(maker));
  verify(token(maker));
  CAF_CHECK(heard.empty());
  CAF_CHECK_EQUAL(fetches(), 1);
  answer(200, maker.key_set());
  CAF_CHECK((heard == list{ec::ok, ec::ok}));
  verify(token(maker));
  CAF_CHECK((heard == list{ec::ok, ec::ok, ec::ok}));
  CAF_CHECK_EQUAL(fetches(), 1);
  CAF_CHECK_EQUAL(probe.calls_succeeded.load(), 1u);
}

CAF_TEST(who waits is bounded) {
  for (int i = 0; i < 3; ++i) verify(token(maker));
  CAF_CHECK((heard == list{ec::busy}));
  answer(200, maker.key_set());
  CAF_CHECK((heard == list{ec::busy, ec::ok, ec::ok}));
}

CAF_TEST(a rotated key is fetched and a made up one is not fetched again) {
  verify(token(maker));
  answer(200, maker.key_set());
  clock.at += millis{61'000};
  verify(token(next));
  CAF_CHECK_EQUAL(fetches(), 2);
  verify(token(maker)); // Known keys do not wait.
  CAF_CHECK((heard == list{ec::ok, ec::ok}));
  answer(200, R"({"keys":[)" + maker.jwk() + "," + next.jwk() + "]}");
  CAF_CHECK((heard == list{ec::ok, ec::ok, ec::ok}));
  verify(token(token_maker{"k3"}));
  CAF_CHECK(heard.back() == ec::google_invalid);
  CAF_CHECK_EQUAL(fetches(), 2);
}

CAF_TEST(without keys nothing is decided) {
  for (auto& [status, body] : std::vector<std::pair<int, std::string>>{
         {0, ""}, {500, "x"}, {200, "nonsense"}, {404, maker.key_set()}}) {
    verify(token(maker));
    answer(status, body);
    CAF_CHECK(heard.back() == ec::unavailable);
  }
  CAF_CHECK_EQUAL(fetches(), 4);
}

CAF_TEST(G37 a provider that never answers is left alone for a while) {
  for (int i = 0; i < 5; ++i) {
    verify(token(maker));
    answer(0, "");
  }
  CAF_CHECK_EQUAL(probe.breaker_state.load(), static_cast<int64_t>(breaker_state::open));
  auto before = fetches();
  verify(token(maker));
  CAF_CHECK(heard.back() == ec::unavailable);
  CAF_CHECK_EQUAL(fetches(), before);
  CAF_CHECK_EQUAL(probe.calls_not_permitted.load(), 1u);
}

CAF_TEST(what is no token needs no key) {
  verify("nonsense");
  CAF_CHECK((heard == list{ec::google_invalid}));
  CAF_CHECK_EQUAL(fetches(), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
