#include "supervisors/region_state.hpp"

namespace tk {

std::string_view to_string(entity_look::state x) {
  switch (x) {
  case entity_look::state::elsewhere: return "elsewhere";
  case entity_look::state::asleep: return "asleep";
  case entity_look::state::starting: return "starting";
  case entity_look::state::running: return "running";
  case entity_look::state::stopping: return "stopping";
  case entity_look::state::quarantined: return "quarantined";
  }
  return "?";
}

namespace of_region {

namespace {

entity_look::state state_of(const entity& x) {
  switch (x.is) {
  case entity::phase::starting: return entity_look::state::starting;
  case entity::phase::running: return entity_look::state::running;
  case entity::phase::stopping: break;
  }
  return entity_look::state::stopping;
}

uint64_t waiting_for(const std::vector<parked>& in, const entity_key& key) {
  return static_cast<uint64_t>(
    std::ranges::count_if(in, [&](auto& x) { return x.what.key == key; }));
}

} // namespace

entity_look look_at(region_state& st, const entity_key& key) {
  entity_look out;
  out.suspended = st.suspended;
  if (st.node->epochs.of(key).epoch == 0) return out;
  out.is = entity_look::state::asleep;
  auto now = st.node->clock->now();
  if (auto f = st.failed.find(key); f != st.failed.end() && now < f->second.window_end) {
    out.failures = f->second.count;
    if (out.failures > st.settings.restarts_max) out.is = entity_look::state::quarantined;
  }
  if (auto i = st.entities.find(key); i != st.entities.end()) {
    out.is = state_of(i->second);
    out.epoch = i->second.epoch;
    out.waiting = i->second.waiting.size();
    out.last_asked = i->second.last_asked;
    out.started_at = i->second.started_at;
  }
  if (auto c = st.closing_of(key)) {
    out.closing = true;
    out.waiting += waiting_for(c->waiting, key);
  }
  return out;
}

} // namespace of_region

} // namespace tk
