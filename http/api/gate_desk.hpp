#pragma once

#include <string>
#include <utility>

#include "http/api/bursts.hpp"
#include "http/api/gate_front.hpp"
#include "http/api/gate_ids.hpp"

namespace tk::http {

struct gate_desk_settings {
  std::string token_key;     ///< Signs tier-1 tokens; request ids have a key made from it.
  bool bind_browser = false; ///< A check needs the cookie of its assign (G48).
};

/// What the gate's endpoints work with.
struct gate_desk {
  gate_desk(node_context& node, gate_desk_settings settings)
      : token_key(std::move(settings.token_key)),
        bind_browser(settings.bind_browser),
        ids(token_key),
        front(node) {
    // nop
  }

  std::string token_key;
  bool bind_browser;
  gate_ids ids;
  gate_front front;
  burst_limiter bursts;
};

} // namespace tk::http
