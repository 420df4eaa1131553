#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/api/brakes.hpp"
#include "http/api/cases.hpp"
#include "http/api/ingress.hpp"
#include "http/api/notices.hpp"
#include "http/operators/losses.hpp"
#include "http/operators/memory.hpp"
#include "http/operators/tokens.hpp"
#include "http/server.hpp"
#include "persistence/operators/port.hpp"
#include "persistence/placement/port.hpp"
#include "persistence/reconciliation/port.hpp"

namespace tk::http {

struct operator_settings {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                  ///< 0: any free one.
  std::vector<operator_token> tokens; ///< Never empty: without one nobody could ask.
};

/// What the operators' routes work with; lives as long as their listener.
struct operator_desk {
  const node_context& node;
  const ledger_probe& ledger;
  const upkeep_probe& upkeep;
  const relay_probe& relay;
  operator_rows_actor rows;
  std::string node_name; ///< Told with every answer.
  instant started_at;
  ingress_pool& pool;
  brake_desk& brakes;
  notice_desk& notices;
  placement_actor placement;
  loss_desk losses;
  reconciler_actor reconciler;
  case_desk& cases;
};

/// The routes of the operators' listener, for the same server as the shop's.
std::vector<route> operator_routes(operator_desk& desk);

/// The operators' own HTTP listener: another port, tokens of its own, the same server.
class operator_listener {
public:
  operator_listener(const operator_settings& settings, operator_desk desk, entropy& random);
  operator_listener(const operator_listener&) = delete;
  operator_listener& operator=(const operator_listener&) = delete;

  /// Throws std::runtime_error with a text for operators, e.g. when the port is taken.
  void start() { server_->start(); }
  void stop() { server_->stop(); }
  [[nodiscard]] uint16_t port() const { return server_->port(); }

private:
  operator_authenticator identity_;
  metrics meters_; ///< Apart: a look at the shop is no request of the shop.
  operator_desk desk_;
  std::unique_ptr<server> server_;
};

} // namespace tk::http
