#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/base/time.hpp"

namespace tk::sim {

/// Something an actor of the simulation is to do in its own context: promises are kept by their own
/// actor only. It waits in the mailbox while the actor's node is paused, and dies with it.
struct errand {
  std::function<void()> run;
};

/// The true time of the simulated world, and what is to happen in it.
class agenda {
public:
  explicit agenda(instant start) : now_(start) {
    // nop
  }
  [[nodiscard]] instant now() const { return now_; }
  void after(millis delay, std::function<void()> what) {
    entries_.emplace(std::pair{now_ + std::max(delay, millis{0}), ++last_}, std::move(what));
  }
  [[nodiscard]] instant next() const {
    return entries_.empty() ? instant::max() : entries_.begin()->first.first;
  }
  void move_to(instant x) { now_ = std::max(now_, x); }
  /// Takes what is due next; empty when nothing is.
  std::function<void()> take_due() {
    if (entries_.empty() || entries_.begin()->first.first > now_) return {};
    auto what = std::move(entries_.begin()->second);
    entries_.erase(entries_.begin());
    return what;
  }
  void clear() { entries_.clear(); }

private:
  instant now_;
  uint64_t last_ = 0; ///< Ties go by the order in which they were entered.
  std::map<std::pair<instant, uint64_t>, std::function<void()>> entries_;
};

} // namespace tk::sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::sim::errand)
