#pragma once

#include <functional>
#include <map>
#include <string>

#include <caf/fwd.hpp>

#include "persistence/letters/port.hpp"
#include "persistence/relay/port.hpp"

namespace tk {

struct letters_config {
  std::string conninfo;                              ///< Of role `tiketi_relay`.
  std::map<std::string, event_sink_actor> consumers; ///< By the name that letters have for them.
  std::function<void(const std::string&)> log;
};

letters_actor spawn_letters(caf::actor_system& system, letters_config config);

} // namespace tk
