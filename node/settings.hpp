#pragma once

#include <optional>
#include <string>

#include "actors/gate/settings.hpp"
#include "actors/waiting_room/settings.hpp"
#include "gateways/password/pool.hpp"
#include "gateways/traces/export_worker.hpp"
#include "http/api/entry.hpp"
#include "http/api/shop.hpp"
#include "http/server.hpp"
#include "node/config.hpp"
#include "supervisors/node_context.hpp"

/// The configuration as each part of a node wants it.
namespace tk {

/// None when nothing is traced. `node` is this node's name.
std::optional<export_settings> export_settings_of(const node_config& config, std::string node,
                                                  std::string release);
http::server_options server_options_of(const node_config& config);
sale_settings sale_settings_of(const node_config& config);
queue_settings queue_settings_of(const node_config& config);
http::queue_desk_settings queue_desk_settings_of(const node_config& config);
gate_settings gate_settings_of(const node_config& config);
http::gate_desk_settings gate_desk_settings_of(const node_config& config);
password_settings password_settings_of(const node_config& config);
http::token_settings token_settings_of(const node_config& config);
http::login_limits login_limits_of(const node_config& config);
http::entry_gate entry_gate_of(const node_config& config, const board_store& boards);

} // namespace tk
