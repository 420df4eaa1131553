#include "http/compress.hpp"

#include <zlib.h>

#include "http/request.hpp"

namespace tk::http {

namespace {

/// The weight of one member of a list is 0: `;q=0`, `; q=0.000`.
bool weighs_nothing(std::string_view parameters) {
  auto q = parameters.find("q=");
  if (q == std::string_view::npos) return false;
  auto weight = trim(parameters.substr(q + 2));
  return !weight.empty() && weight.find_first_not_of("0.") == std::string_view::npos;
}

} // namespace

std::optional<std::string> gzip(std::string_view text, int level) {
  z_stream z{};
  constexpr int gzip_window = 15 + 16;
  if (deflateInit2(&z, level, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  auto state = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (state != Z_STREAM_END) return std::nullopt;
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    auto end = std::min(accept_encoding.find(','), accept_encoding.size());
    auto item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    auto semicolon = std::min(item.find(';'), item.size());
    auto name = trim(item.substr(0, semicolon));
    auto wanted = !weighs_nothing(item.substr(semicolon));
    if (iequals(name, "gzip") || iequals(name, "x-gzip")) return wanted;
    if (name == "*") any = wanted;
  }
  return any;
}

} // namespace tk::http
