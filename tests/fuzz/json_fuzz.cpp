// Bodies: any bytes become an object or a refusal, never an exception.
#include <cstdlib>
#include <string>

#include "http/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tk::http;
  auto text = std::string_view(reinterpret_cast<const char*>(data), size);
  auto body = parse_object(text);
  if (!body) return 0;
  if (!body->is_object()) std::abort();
  auto form = fields(*body);
  auto name = form.text("name", 100);
  form.mail("email");
  form.password("password");
  form.optional_text("phone", 20);
  form.integer("amount", 1, 10);
  form.optional_bool("flag");
  form.optional_time("at");
  form.uuid<tk::event_id>("eventId");
  auto seats = form.uuids<tk::seat_id>("seatIds", 4, "none", "many", "twins");
  if (seats.size() > 4) std::abort();
  auto x = request{};
  idempotency_key(x, *body);
  json_answer(*body);
  well_formed_mail(text);
  return 0;
}
