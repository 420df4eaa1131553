// Framing and the reading of a request's head: any bytes, in any pieces.
#include <cstdlib>
#include <string>
#include <vector>

#include "http/framing.hpp"
#include "http/request.hpp"

namespace {

using namespace tk::http;

struct parsed {
  std::vector<std::string> requests; // Heads and bodies of what was complete.
  bool failed = false;
  auto operator<=>(const parsed&) const = default;
};

void check(bool x) {
  if (!x) std::abort();
}

// Everything that reads a request must stay inside it.
void read_all(const std::string& head, const std::string& body) {
  auto x = request{};
  x.head = head;
  x.body = body;
  if (!parse_head(x)) return;
  for (auto& field : x.headers) check(!field.name.empty());
  (void)x.header("content-type");
  (void)x.cookie("access_token");
  (void)x.query("q");
  (void)x.query("page");
  check(!query_malformed(x.query_string, "q") || x.query_string.find('%') != std::string::npos);
  check(x.path == "*" || x.path.substr(0, 1) == "/");
  check(!x.authority.empty() || !x.has_header("host") || x.header("host").empty());
  (void)x.access_token();
  auto begin = x.head.data(), end = begin + x.head.size();
  check(x.raw_path.data() >= begin && x.raw_path.data() + x.raw_path.size() <= end);
}

parsed feed(std::string_view bytes, size_t piece) {
  constexpr size_t head_max = 2048, body_max = 4096;
  auto out = parsed{};
  auto reader = framer(head_max);
  while (!bytes.empty() || reader.pending()) {
    auto part = bytes.substr(0, piece);
    size_t used = 0;
    auto step = reader.feed(part, used);
    check(used <= part.size());
    bytes.remove_prefix(used);
    if (step == framing_step::failed) {
      check(reader.error() != tk::ec::ok);
      out.failed = true;
      return out;
    }
    if (step == framing_step::head) {
      check(reader.head().size() <= head_max + 4);
      reader.body_limit(body_max);
    } else if (step == framing_step::done) {
      std::string head, body;
      reader.take(head, body);
      check(body.size() <= body_max && reader.clean());
      read_all(head, body);
      out.requests.push_back(head + body);
    } else {
      check(used == part.size());
    }
  }
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto bytes = std::string_view(reinterpret_cast<const char*>(data), size);
  auto whole = feed(bytes, bytes.size() + 1);
  // How the network cuts the bytes must make no difference.
  check(whole == feed(bytes, 1));
  check(whole == feed(bytes, 7));
  return 0;
}
