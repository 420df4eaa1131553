#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <caf/fwd.hpp>

#include "actors/base/errors.hpp"
#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "persistence/store/port.hpp"

namespace tk::http {

/// What a waiting page shows of its event.
struct event_title {
  std::string title;
  std::optional<std::string> artist;
};

/// Titles of events, remembered for a minute: whoever waits asks every second.
class event_titles {
public:
  explicit event_titles(const wall_clock& clock) : clock_(clock) {
    // nop
  }

  using done = std::function<void(ec, const event_title&)>;
  /// What is remembered; nullopt when it has to be read.
  std::optional<event_title> find(event_id event) const;
  /// `then` runs at once or on `self`: `event_unknown` when there is no such event.
  void with(caf::event_based_actor* self, const store_actor& store, event_id event, done then);

private:
  struct kept {
    event_title what;
    instant read_at;
  };
  void keep(event_id event, const event_title& x);

  const wall_clock& clock_;
  mutable std::mutex mutex_;
  std::map<event_id, kept> titles_;
};

} // namespace tk::http
