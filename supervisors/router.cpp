#include "supervisors/router.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <caf/all.hpp>

#include "actors/base/mutants.hpp"
#include "actors/registry.hpp"
#include "supervisors/reply_once.hpp"

namespace tk {

namespace {

/// An envelope without a way.
struct waiting {
  caf::response_promise reply;
  bool wants_reply = false;
  instant again_at; ///< From then on its owner is asked again, though it refused.
  envelope what;
};

struct router_state {
  static inline const char* name = "tk.router";
  node_context* node = nullptr;
  router_settings settings;
  caf::actor supervisor;
  std::vector<waiting> waits;
  router_state() = default;
  router_state(const router_state&) = delete;
  router_state& operator=(const router_state&) = delete;
  /// Whoever still waits when the node ends hears so at once.
  ~router_state() {
    for (auto& x : waits)
      if (x.wants_reply) x.reply.deliver(make_error(ec::unavailable));
  }
};

using router_ptr = caf::stateful_actor<router_state>*;

/// Who has it now; null when nobody is known, or only somebody who has just refused it.
const caf::actor* way_now(const node_context& node, const envelope& x, bool again) {
  auto shard = shard_of(x.key);
  auto own = node.epochs.epochs[shard].load(std::memory_order_relaxed);
  if (own != 0) return &node.region;
  auto epoch = node.peers.epochs[shard].load(std::memory_order_relaxed);
  return epoch > x.moved_epoch || again ? node.link_to(shard) : nullptr;
}

/// How long somebody is left alone who refused an envelope that has been sent `tries` times: an
/// owner that reads the roster just now is asked soon, one that is out of reach rarely.
millis patience_for(const router_settings& x, int32_t tries) {
  constexpr int32_t doublings_max = 8;
  return std::min(x.patience * (1 << std::clamp(tries - 1, 0, doublings_max)), x.patience_max);
}

void look_later(router_ptr self) {
  self->delayed_send(self, self->state.settings.look_interval, atom::tick_v);
}

caf::result<caf::message> on_envelope(router_ptr self, envelope& x) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  if (x.deadline < now) return make_error(ec::late);
  if (x.tries > router_settings::tries_max) return make_error(ec::unavailable);
  const bool early = now < x.not_before;
  auto to = early ? nullptr : way_now(*st.node, x, false);
  if (to) return self->delegate(*to, std::move(x));
  if (st.waits.size() >= st.settings.waiting_max) return make_error(ec::busy);
  if (st.waits.empty()) look_later(self);
  if (st.supervisor) self->send(st.supervisor, atom::look_v);
  waiting one;
  one.wants_reply = self->current_message_id().is_request();
  if (one.wants_reply) one.reply = self->make_response_promise();
  one.again_at = now + patience_for(st.settings, x.tries);
  one.what = std::move(x);
  st.waits.push_back(std::move(one));
  return caf::delegated<caf::message>{};
}

/// True when it waits no longer.
bool send_on(router_ptr self, waiting& x, instant now) {
  auto& st = self->state;
  if (x.what.deadline < now) {
    if (x.wants_reply) x.reply.deliver(make_error(ec::late));
    return true;
  }
  if (now < x.what.not_before) return false;
  auto to = way_now(*st.node, x.what, now >= x.again_at);
  if (!to) return false;
  if (x.wants_reply) x.reply.delegate(*to, std::move(x.what));
  else self->send(*to, std::move(x.what));
  return true;
}

void look(router_ptr self) {
  auto& st = self->state;
  auto now = st.node->clock->now();
  for (auto& x : std::exchange(st.waits, {}))
    if (!send_on(self, x, now)) st.waits.push_back(std::move(x));
  if (!st.waits.empty()) look_later(self);
}

caf::behavior router(router_ptr self, node_context* node, router_settings settings) {
  self->state.node = node;
  self->state.settings = settings;
  return {
    [=](envelope& x) { return on_envelope(self, x); },
    [=](atom::tick) { look(self); },
    [=](atom::look, bool now) {
      if (self->state.supervisor) self->send(self->state.supervisor, atom::look_v, now);
    },
    [=](const caf::actor& supervisor) { self->state.supervisor = supervisor; },
  };
}

} // namespace

caf::actor spawn_router(node_context& node, router_settings settings) {
  return node.system->spawn(router, &node, settings);
}

} // namespace tk
