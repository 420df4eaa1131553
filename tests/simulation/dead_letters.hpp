#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include <caf/mailbox_element.hpp>
#include <caf/scheduled_actor.hpp>

namespace tk::sim {

/// What the actor system itself tells actors, seen from outside (I16): that a message was not
/// understood, that a handler has thrown, that somebody died, that an answer never came. The first
/// two are never right. The others are what a fault, a crash or a move may cost, and wrong where
/// nothing goes wrong: a promise that nobody keeps shows as a timeout there.
class dead_letters {
public:
  /// Whether a fault may explain what is lost.
  bool excused = false;
  /// `receiver` is about to handle some of what is in its mailbox.
  void look(caf::scheduled_actor& receiver);
  /// The first that nothing explains; empty = none.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }

private:
  void look_at(const caf::scheduled_actor& receiver, const caf::mailbox_element& x);
  void note(const caf::scheduled_actor& receiver, const caf::error& what);

  std::string wrong_;
  /// By receiver and request: timers of what was answered run out as well, and nobody listens.
  std::set<std::pair<caf::actor_id, uint64_t>> answered_;
};

} // namespace tk::sim
