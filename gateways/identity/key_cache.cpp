#include "gateways/identity/key_cache.hpp"

#include <utility>

namespace tk {

key_decision key_cache::decide(std::string_view kid, instant now) const {
  using enum key_decision::kind;
  auto age = fetched_at_ ? now - *fetched_at_ : millis::max();
  if (age > rules_.usable_for) return {wait, nullptr, !fetching_};
  bool due = age > rules_.fresh_for && !fetching_;
  if (auto i = keys_.find(kid); i != keys_.end()) return {use, i->second, due};
  // It may be a new one. Anybody can make up a name, so asking is rationed.
  bool may_ask = due || !begun_at_ || now - *begun_at_ >= rules_.unknown_pause;
  if (fetching_ || may_ask) return {wait, nullptr, !fetching_};
  return {failed_ ? away : refuse, nullptr, false};
}

void key_cache::begin(instant now) {
  fetching_ = true;
  begun_at_ = now;
}

void key_cache::succeeded(key_set keys, instant now) {
  fetching_ = failed_ = false;
  keys_ = std::move(keys);
  fetched_at_ = now;
}

void key_cache::failed() {
  fetching_ = false;
  failed_ = true;
}

} // namespace tk
