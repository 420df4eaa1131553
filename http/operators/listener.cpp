#include "http/operators/listener.hpp"

#include "http/operators/denied.hpp"

namespace tk::http {

namespace {

/// Requests of operators are small, and come from near.
constexpr std::chrono::milliseconds request_limit{3000};

server_options options_of(const operator_settings& x) {
  server_options out;
  out.bind_address = x.address;
  out.port = x.port;
  out.threads = 1;
  out.allowed_origins.clear(); // No page of any site speaks to it.
  out.in_flight_max = 64;
  out.connections_max = 128;
  out.make_room = true; // Half requests keep no operator out.
  out.request_timeout = request_limit;
  out.cookies = false; // No browser speaks to it, and no other site's page by one.
  return out;
}

} // namespace

operator_listener::operator_listener(const operator_settings& settings, operator_desk desk,
                                     entropy& random)
    : identity_(settings.tokens), meters_("tiketi-operators"), desk_(std::move(desk)) {
  server_context context{identity_, *desk_.node.clock, random, meters_, {}};
  context.denied = [this](const exchange_ptr& x) { refuse_denied(desk_, x); };
  server_ = std::make_unique<server>(options_of(settings), operator_routes(desk_), context);
}

} // namespace tk::http
