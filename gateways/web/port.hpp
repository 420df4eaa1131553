#pragma once

#include <string>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/time.hpp"

namespace tk {

/// A call over HTTP. It is never logged: its headers hold secrets.
struct web_request {
  std::string method = "GET"; ///< Or POST.
  std::string url;
  std::vector<std::string> headers; ///< Whole lines.
  std::string body;
  millis time_max{10'000}; ///< For all of it; never more than the worker's own limit.
};

/// What came back. A status of 0: no whole answer.
struct web_response {
  int status = 0;
  bool sent = false; ///< Something of the request has left: it may have been carried out.
  std::string body;
  std::string error; ///< For the log, of a status of 0.
};

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::web_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::web_response)

namespace tk {

/// WEB: calls other people's servers; always answers, within the request's time.
using web_actor = caf::typed_actor<
  /// Calls once, over a connection of its own. Redirects are not followed, nothing is repeated.
  caf::replies_to<web_request>::with<web_response>>;

} // namespace tk
