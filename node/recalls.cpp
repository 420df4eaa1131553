#include "node/recalls.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <caf/actor_system.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/base/mutants.hpp"
#include "actors/checkout/port.hpp"
#include "actors/registry.hpp"
#include "actors/seat_block/port.hpp"
#include "http/metrics.hpp"
#include "supervisors/no_timer.hpp"
#include "supervisors/reply_once.hpp"
#include "supervisors/router.hpp"

namespace tk {

namespace {

struct recall_state {
  static inline const char* name = "tiketi.recalls";
  node_context* node = nullptr;
  store_actor store;
  node_id self;
  recall_settings settings;
  recall_probe* probe = nullptr;
  std::function<int64_t()> provider_calls;
  reservation_id after; ///< Where the next look begins.
  int open = 0;         ///< Entities that have not answered, of this round.
  int ended = 0;        ///< Reservations that this round has ended.
};
using recall_ptr = caf::stateful_actor<recall_state>*;

void later(recall_ptr self, millis pause) { self->delayed_send(self, pause, atom::tick_v); }

void answered(recall_ptr self, bool ended) {
  auto& st = self->state;
  ++(ended ? st.probe->done : st.probe->put_off);
  st.ended += ended;
  if (--st.open > 0) return;
  later(self, st.ended > 0 ? st.settings.pause : st.settings.again);
}

/// Sold: its checkout has it ended and gives the money back.
void recall(recall_ptr self, const recall_row& x) {
  auto& st = self->state;
  recall_sale what{{}, "EVENT_CANCELLED", {}};
  ask<checkout_actor>(self, *st.node, key_of(x.reservation), st.settings.budget, what)
    .then([=](const payment_reply& r) { answered(self, r.is == ec::ok); },
          [=](const caf::error&) { answered(self, false); });
}

/// Held: nobody has paid for it. One that is being paid is sold first, or lost.
void release(recall_ptr self, const recall_row& x) {
  auto& st = self->state;
  ask<seat_block_actor>(self, *st.node, key_of(x.event, x.lead_block), st.settings.budget,
                        release_hold{x.reservation, {}, {}})
    .then([=](const release_reply& r) { answered(self, r.is == ec::ok); },
          [=](const caf::error&) { answered(self, false); });
}

void begin(recall_ptr self, const recalls& seen) {
  auto& st = self->state;
  st.probe->under_way = seen.some ? 1 : 0;
  st.probe->refunds_open = seen.open;
  if (!seen.some) return later(self, st.settings.idle);
  auto room = recall_room(st.settings, seen, st.provider_calls());
  auto count = std::min(room, static_cast<int64_t>(seen.rows.size()));
  bool last_page = seen.rows.size() < static_cast<size_t>(st.settings.page);
  if (count == 0) {
    // From the beginning again: what could not be ended before, or came to this node since.
    // Mutant: what was being paid when it was its turn is forgotten.
    if (seen.rows.empty() && !mutant("recalls_once")) st.after = {};
    return later(self, seen.rows.empty() ? st.settings.again : st.settings.pause);
  }
  bool all = count == static_cast<int64_t>(seen.rows.size());
  st.after = all && last_page && !mutant("recalls_once")
               ? reservation_id{}
               : seen.rows[static_cast<size_t>(count) - 1].reservation;
  st.open = static_cast<int>(count);
  st.ended = 0;
  for (int64_t i = 0; i < count; ++i) {
    auto& x = seen.rows[static_cast<size_t>(i)];
    if (x.confirmed) recall(self, x);
    else release(self, x);
  }
}

void look(recall_ptr self) {
  auto& st = self->state;
  if (st.node->suspended) return later(self, st.settings.again);
  self->request(st.store, always_answered, find_recalls{st.self, st.after, st.settings.page})
    .then([=](const recalls& seen) { begin(self, seen); },
          [=](caf::error&) { later(self, self->state.settings.again); });
}

caf::behavior behave(recall_ptr self, node_context* node, store_actor store, node_id id,
                     recall_settings settings, recall_probe* probe,
                     std::function<int64_t()> provider_calls) {
  auto& st = self->state;
  st.node = node;
  st.store = std::move(store);
  st.self = id;
  st.settings = settings;
  st.probe = probe;
  st.provider_calls = std::move(provider_calls);
  later(self, settings.again);
  return {[=](atom::tick) { look(self); }};
}

} // namespace

int64_t recall_room(const recall_settings& settings, const recalls& seen, int64_t provider_calls) {
  auto most = provider_calls > settings.yields_above ? int64_t{1} : settings.at_once;
  auto room = std::min(most - seen.fresh, settings.refunds_open - seen.open);
  return std::max(room, int64_t{0});
}

void add_recall_metrics(http::metrics& meters, const recall_probe& probe) {
  auto add = [&](const char* name, const char* help, const auto& x) {
    auto read = [&x] { return static_cast<double>(x.load(std::memory_order_relaxed)); };
    meters.add_gauge(name, help, read);
  };
  add("event_recalls_total", "Reservations of cancelled events that were ended.", probe.done);
  add("event_recalls_put_off_total", "Could not be ended yet; they are tried again.",
      probe.put_off);
  add("event_cancellations_under_way", "1 while reservations of a cancelled event are left.",
      probe.under_way);
  add("event_refunds_open", "Of cancelled events at this node, not done yet.", probe.refunds_open);
}

caf::actor spawn_recalls(node_context& node, store_actor store, node_id self,
                         recall_settings settings, recall_probe& probe,
                         std::function<int64_t()> provider_calls) {
  return node.system->spawn(behave, &node, std::move(store), self, settings, &probe,
                            std::move(provider_calls));
}

} // namespace tk
