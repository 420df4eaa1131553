#pragma once

#include <string>

#include "actors/base/time.hpp"
#include "http/api/event_titles.hpp"
#include "http/api/queue_front.hpp"
#include "http/api/queue_stream.hpp"
#include "http/api/queue_tickets.hpp"

namespace tk::http {

struct queue_desk_settings {
  std::string pass_key; ///< Signs entry tokens; tickets have a key made from it.
  millis pass_life{600'000};
  bool anonymous = false; ///< Whoever has not signed in waits as a visitor (D12).
  /// Whoever has signed in waits for one event at a time (C8).
  bool one_per_user = false;
};

/// What the waiting room's endpoints work with.
struct queue_desk {
  queue_desk(node_context& node, queue_desk_settings settings)
      : pass_key(std::move(settings.pass_key)),
        pass_life(settings.pass_life),
        anonymous(settings.anonymous),
        one_per_user(settings.one_per_user),
        front(node),
        tickets(pass_key),
        titles(*node.clock) {
    // nop
  }

  std::string pass_key;
  millis pass_life;
  bool anonymous, one_per_user;
  queue_front front;
  queue_tickets tickets;
  event_titles titles;
  queue_streams streams;
};

} // namespace tk::http
