#pragma once

#include <string>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/time.hpp"

namespace tk {

/// Of a GET over the network.
struct fetch_limits {
  millis connect_max{2000};
  millis total_max{10'000};
  size_t bytes_max = 256 * 1024;
};

struct fetch_url {
  std::string url;
};
struct fetched_url {
  int status = 0; ///< 0: no answer.
  std::string body;
  std::string error; ///< For the log.
  millis took{0};
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::fetch_url)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::fetched_url)

namespace tk {

/// FETCH: one GET at a time, by blocking. Redirects are not followed.
using fetch_actor = caf::typed_actor<
  /// Fetches, or tells why not.
  caf::replies_to<fetch_url>::with<fetched_url>>;

/// Starts a fetcher on a thread of its own.
fetch_actor spawn_fetch_worker(caf::actor_system& system, fetch_limits limits);

} // namespace tk
