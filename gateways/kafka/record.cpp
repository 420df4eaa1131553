#include "gateways/kafka/record.hpp"

#include <nlohmann/json.hpp>

#include "persistence/relay/envelope.hpp"

namespace tk {

namespace {

using json = nlohmann::json;

std::string text_of(const json& x, const char* name) {
  auto i = x.find(name);
  return i != x.end() && i->is_string() ? i->get<std::string>() : "";
}

/// As much of what cannot be read is kept for people.
constexpr size_t unreadable_max = 10'000;

/// Records of old producers tell none.
int64_t version_of(const json& x) {
  auto i = x.find("version");
  if (i == x.end()) return envelope_version;
  return i->is_number_integer() ? i->get<int64_t>() : 0;
}

/// `reason`: refund or cancel, `paymentMethod`: confirmed, else created.
std::string type_by_fields(const json& x, const std::string& topic) {
  const bool money = topic.starts_with("payment");
  if (x.contains("reason")) return money ? "PAYMENT_REFUNDED" : "RESERVATION_CANCELLED";
  if (money) return "PAYMENT_CONFIRMED";
  return x.contains("paymentMethod") ? "RESERVATION_CONFIRMED" : "RESERVATION_CREATED";
}

/// FNV-1a, named: the id must be the same on every machine and after every restart.
uint64_t digest(std::string_view text) {
  uint64_t out = 0xcbf29ce484222325ull;
  for (auto c : text) out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return out;
}

domain_event_id id_by_place(const record_place& x) {
  return {digest(x.topic + "/" + std::to_string(x.partition)), static_cast<uint64_t>(x.offset) + 1};
}

} // namespace

outbox_row row_of(const record_place& place, std::string_view key, std::string_view value,
                  instant at) {
  outbox_row out;
  out.at = {0, place.offset};
  out.topic = place.topic;
  out.key = key;
  out.body = value;
  out.made_at = at;
  auto x = json::parse(value, nullptr, false);
  if (!x.is_object()) {
    json kept = {{"unreadable", std::string{value.substr(0, unreadable_max)}}};
    out.body = kept.dump(-1, ' ', false, json::error_handler_t::replace);
  } else {
    if (version_of(x) == envelope_version) {
      out.type = text_of(x, "type");
      if (out.type.empty()) out.type = type_by_fields(x, place.topic);
    }
    for (auto* name : {"id", "eventKey"})
      if (auto id = parse_id<domain_event_id>(text_of(x, name)); id && out.id.nil()) out.id = *id;
    if (auto told = parse_iso(text_of(x, "timestamp"))) out.made_at = *told;
    if (auto of = parse_id<request_id>(text_of(x, "correlationId"))) out.correlation = *of;
  }
  if (out.id.nil()) out.id = id_by_place(place);
  return out;
}

} // namespace tk
