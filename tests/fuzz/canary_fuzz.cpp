// Must fail: if the fuzzer does not find this, it would not find anything else either.
#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 4 && std::memcmp(data, "POST", 4) == 0) std::abort();
  return 0;
}
