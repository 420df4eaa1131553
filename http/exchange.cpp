#include "http/exchange.hpp"

#include "http/route.hpp"

namespace tk::http {

exchange::~exchange() = default;

user_id exchange::user() const { return principal_ ? principal_->user : user_id{}; }

std::string_view exchange::param(std::string_view name) const {
  if (route_ == nullptr) return {};
  // The template is scanned rather than indexed: it has at most a few parameters.
  std::string_view path = route_->path;
  for (size_t i = 0; i < path_params_max; ++i) {
    auto open = path.find('{');
    if (open == std::string_view::npos) return {};
    auto close = path.find('}', open);
    auto inner = path.substr(open + 1, close - open - 1);
    if (inner.substr(0, inner.find(':')) == name) return params_[i];
    path.remove_prefix(close + 1);
  }
  return {};
}

std::chrono::milliseconds exchange::time_left() const {
  auto left = deadline_ - steady::now();
  return std::max(std::chrono::milliseconds(0),
                  std::chrono::duration_cast<std::chrono::milliseconds>(left));
}

bool exchange::respond(answer x) {
  if (answered_.exchange(true)) return false;
  deliver(std::move(x));
  return true;
}

bool exchange::fail(ec x) {
  bool doubt = x == ec::unknown || x == ec::in_flight;
  return respond(error_answer(doubt && !changes_state(request_.verb) ? ec::unavailable : x));
}

void exchange::abandon() {
  if (!answered()) respond(error_answer(ec::internal));
}

} // namespace tk::http
