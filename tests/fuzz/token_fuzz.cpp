// Tokens: whatever is not signed by us is nobody's.
#include <cstdlib>
#include <string>

#include "http/api/tokens.hpp"

namespace {

constexpr const char* key = "fuzz: a key that no input of the fuzzer can know";

const tk::http::token_service& service() {
  static const auto made = tk::http::token_service({key, 1800, 604'800});
  return made;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = std::string_view(reinterpret_cast<const char*>(data), size);
  auto now = tk::from_ms(1'700'000'000'000);
  if (service().verify_access(text, now) || service().verify_refresh(text, now) ||
      tk::http::verify_entry(text, key, now) || tk::http::verify_gate(text, key, now))
    std::abort(); // A forgery.
  if (tk::http::token_hash(text).size() != 64) std::abort();
  return 0;
}
