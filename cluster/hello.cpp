#include "cluster/hello.hpp"

#include <nlohmann/json.hpp>

namespace tk::cluster {

std::vector<char> to_bytes(const hello& x) {
  auto text = nlohmann::json{{"tiketi", x.protocol},         {"node", to_string(x.node)},
                             {"incarnation", x.incarnation}, {"database", x.database},
                             {"shards", x.shards},           {"traces", x.traces}}
                .dump();
  return {text.begin(), text.end()};
}

std::optional<hello> read_hello(std::span<const char> bytes) {
  auto text = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (!text.is_object()) return std::nullopt;
  auto number = [&](const char* name, auto& to) {
    auto i = text.find(name);
    if (i == text.end() || !i->is_number_integer()) return false;
    i->get_to(to);
    return true;
  };
  auto words = [&](const char* name) {
    auto i = text.find(name);
    return i != text.end() && i->is_string() ? i->get<std::string>() : std::string{};
  };
  hello out;
  auto node = parse_id<node_id>(words("node"));
  if (!node || node->nil()) return std::nullopt;
  out.node = *node;
  out.database = words("database");
  if (!number("tiketi", out.protocol) || !number("incarnation", out.incarnation) ||
      !number("shards", out.shards))
    return std::nullopt;
  auto traces = text.find("traces"); // Releases before traces do not say so.
  out.traces = traces != text.end() && traces->is_boolean() && traces->get<bool>();
  return out;
}

std::string refuse(const hello& own, const hello& other) {
  if (other.protocol != own.protocol)
    return "it speaks protocol " + std::to_string(other.protocol) + ", this node " +
           std::to_string(own.protocol);
  if (other.shards != own.shards)
    return "it counts " + std::to_string(other.shards) + " shards, this node " +
           std::to_string(own.shards);
  if (other.database != own.database) return "it belongs to another database";
  if (other.node == own.node) return "it has the id of this node";
  return {};
}

} // namespace tk::cluster
