// Ids, timestamps, percent-encoding, cookies, query strings.
#include <cstdlib>
#include <string>

#include "actors/base/ids.hpp"
#include "actors/base/time.hpp"
#include "http/request.hpp"

namespace {

void check(bool x) {
  if (!x) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = std::string_view(reinterpret_cast<const char*>(data), size);
  if (auto x = tk::parse_id<tk::seat_id>(text)) {
    check(text.size() == 36);
    check(tk::http::iequals(tk::to_string(*x), text));
    check(tk::parse_id<tk::seat_id>(tk::to_string(*x)) == x);
  }
  if (auto x = tk::parse_iso(text)) {
    check(tk::parse_iso(tk::to_iso(*x)) == x);
    check(tk::parse_iso(tk::to_iso_z(*x)) == x);
  }
  bool has_nul = text.find('\0') != std::string_view::npos; // Framing lets none through.
  for (bool plus : {false, true})
    if (auto x = tk::http::percent_decode(text, plus))
      check(x->size() <= text.size() && (has_nul || x->find('\0') == std::string::npos));
  tk::http::query_value(text, "q");
  if (auto x = tk::http::cookie_value(text, "a"))
    check(x->data() >= text.data() && x->data() + x->size() <= text.data() + text.size());
  check(tk::http::trim(text).size() <= text.size());
  return 0;
}
