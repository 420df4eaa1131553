#include "inspector/notice_order.hpp"

#include <nlohmann/json.hpp>

#include "inspector/node_client.hpp"

namespace tk::inspector {

std::string notice_path(const notice_order& x) {
  constexpr const char* notices = "/operator/notices";
  return x.verb == notice_verb::add ? notices : notices + ("/" + url_part(x.id));
}

std::string notice_method(const notice_order& x) {
  switch (x.verb) {
  case notice_verb::add: return "POST";
  case notice_verb::change: return "PUT";
  case notice_verb::remove: return "DELETE";
  }
  return "GET";
}

std::string notice_request(const notice_order& x) {
  using json = nlohmann::ordered_json;
  if (x.verb == notice_verb::remove) return "";
  json out = {{"level", x.level}, {"text", {{"ko", x.ko}, {"en", x.en}}}};
  if (!x.event.empty()) out["eventId"] = x.event;
  if (!x.from.empty()) out["startsAt"] = x.from;
  if (!x.until.empty()) out["endsAt"] = x.until;
  if (x.verb == notice_verb::add) out["operationId"] = x.operation;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace tk::inspector
