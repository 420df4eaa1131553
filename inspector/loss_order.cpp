#include "inspector/loss_order.hpp"

#include <nlohmann/json.hpp>

namespace tk::inspector {

namespace {

using json = nlohmann::ordered_json;

loss_seen read_loss(const json& told) {
  for (auto& part : told.at("parts")) {
    auto& data = part.at("data");
    auto key = data.find("key");
    bool named = key != data.end() && key->is_string();
    return {true, data.at("loss") == "suspected", named ? key->get<std::string>() : ""};
  }
  return {};
}

} // namespace

loss_seen loss_of(const node_answer& x) {
  if (!x.ok()) return {};
  try {
    return read_loss(json::parse(x.body));
  } catch (const json::exception&) { return {}; } // It was no answer of a node.
}

std::string loss_request(const std::string& key, const std::string& reason,
                         const std::string& operation) {
  const json out = {{"key", key}, {"reason", reason}, {"operationId", operation}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace tk::inspector
