#include "gateways/identity/google.hpp"

#include <deque>
#include <memory>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "logging/log.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

/// Longer than the fetcher's own limits, which end every fetch.
constexpr auto fetch_timeout = std::chrono::seconds(15);
constexpr int status_ok = 200;

struct waiting_token {
  std::string credential;
  reply_ptr<identity_verified> reply;
};

struct google_state {
  static inline const char* name = "tiketi.google-identity";
  std::unique_ptr<identity_config> config;
  const wall_clock* clock = nullptr;
  identity_probe* probe = nullptr;
  fetch_actor fetcher;
  std::unique_ptr<key_cache> keys;
  std::unique_ptr<breaker> guard;
  std::deque<waiting_token> waiting;
};
using google_ptr = identity_actor::stateful_pointer<google_state>;

identity_verified refused(ec why) { return {why, {}}; }

void answer_waiting(google_ptr self, ec why) {
  for (auto& x : std::exchange(self->state.waiting, {})) x.reply->deliver(refused(why));
}

void decide(google_ptr self, const std::string& credential,
            const reply_ptr<identity_verified>& reply);

bool take_keys(google_ptr self, const fetched_url& x) {
  auto& st = self->state;
  auto keys = x.status == status_ok ? parse_key_set(x.body)
                                    : tl::unexpected("status " + std::to_string(x.status));
  if (!keys) {
    log_line(log_level::warn, "gateways", "identity_keys_failed")
      .text("actor", google_state::name)
      .text("why", x.error.empty() ? keys.error() : x.error);
    st.keys->failed();
    return false;
  }
  st.keys->succeeded(std::move(*keys), st.clock->now());
  return true;
}

void note(google_ptr self, breaker_permit permit, bool good, millis took) {
  auto& st = self->state;
  (good ? st.probe->calls_succeeded : st.probe->calls_failed)++;
  st.guard->record(permit, good ? call_end::succeeded : call_end::failed, took,
                   breaker::moment::clock::now());
  st.probe->breaker_state = static_cast<int64_t>(st.guard->state());
}

void fetch(google_ptr self) {
  auto& st = self->state;
  auto permit = st.guard->admit(breaker::moment::clock::now());
  st.probe->breaker_state = static_cast<int64_t>(st.guard->state());
  if (!permit) {
    st.probe->calls_not_permitted++;
    return answer_waiting(self, ec::unavailable);
  }
  st.keys->begin(st.clock->now());
  self->request(st.fetcher, fetch_timeout, fetch_url{st.config->keys_url})
    .then(
      [=, permit = *permit](const fetched_url& x) {
        bool good = take_keys(self, x);
        note(self, permit, good, x.took);
        if (!good) return answer_waiting(self, ec::unavailable);
        for (auto& y : std::exchange(self->state.waiting, {})) decide(self, y.credential, y.reply);
      },
      [=, permit = *permit](caf::error&) {
        self->state.keys->failed();
        note(self, permit, false, fetch_timeout);
        answer_waiting(self, ec::unavailable);
      });
}

identity_verified judge(google_ptr self, const raw_id_token& token, const public_key& key) {
  auto& st = self->state;
  if (!signature_matches(token, key)) return refused(ec::google_invalid);
  auto who = read_claims(token.payload, st.config->rules, st.clock->now());
  return who ? identity_verified{ec::ok, std::move(*who)} : refused(who.error());
}

void decide(google_ptr self, const std::string& credential,
            const reply_ptr<identity_verified>& reply) {
  auto& st = self->state;
  auto token = take_apart(credential);
  if (!token) return reply->deliver(refused(token.error()));
  auto what = st.keys->decide(token->kid, st.clock->now());
  switch (what.is) {
  case key_decision::kind::use: reply->deliver(judge(self, *token, what.key)); break;
  case key_decision::kind::refuse: reply->deliver(refused(ec::google_invalid)); break;
  case key_decision::kind::away: reply->deliver(refused(ec::unavailable)); break;
  case key_decision::kind::wait:
    if (st.waiting.size() >= st.config->waiting_max) reply->deliver(refused(ec::busy));
    else st.waiting.push_back({credential, reply});
    break;
  }
  if (what.fetch) fetch(self);
}

identity_actor::behavior_type google(google_ptr self, identity_config config, fetch_actor fetcher,
                                     const wall_clock* clock, identity_probe* probe) {
  auto& st = self->state;
  st.config = std::make_unique<identity_config>(std::move(config));
  st.clock = clock;
  st.probe = probe;
  st.fetcher = fetcher;
  st.keys = std::make_unique<key_cache>(st.config->keys);
  st.guard = std::make_unique<breaker>(st.config->breaker);
  self->attach_functor(
    [fetcher] { caf::anon_send_exit(fetcher, caf::exit_reason::user_shutdown); });
  return {[=](const verify_identity& x) {
    auto reply = promise_reply<identity_verified>(self);
    decide(self, x.credential, reply);
    return reply->rp;
  }};
}

} // namespace

identity_actor spawn_google_identity(caf::actor_system& system, identity_config config,
                                     fetch_actor fetcher, const wall_clock& clock,
                                     identity_probe& probe) {
  return system.spawn(google, std::move(config), std::move(fetcher), &clock, &probe);
}

} // namespace tk
