#include "node/operators.hpp"

#include <fstream>
#include <sstream>

namespace tk {

namespace {

using problem = tl::unexpected<std::string>;

constexpr std::streamsize tokens_file_max = 64 * 1024;

/// Of the option and of the file together.
tl::expected<std::vector<http::operator_token>, std::string> tokens_of(const node_config& config) {
  auto named = http::parse_operator_tokens(config.text("OPERATOR_TOKENS"));
  if (!named) return problem("OPERATOR_TOKENS: " + named.error());
  auto& path = config.text("OPERATOR_TOKENS_FILE");
  if (path.empty()) return named;
  std::ifstream in{path};
  std::string text(static_cast<size_t>(tokens_file_max), '\0');
  in.read(text.data(), tokens_file_max);
  if (in.bad() || !in.eof())
    return problem("OPERATOR_TOKENS_FILE: cannot read " + path + ", or it is larger than 64 KiB");
  text.resize(static_cast<size_t>(in.gcount()));
  auto listed = http::parse_operator_tokens(text);
  if (!listed) return problem("OPERATOR_TOKENS_FILE: " + listed.error());
  named->insert(named->end(), listed->begin(), listed->end());
  return named;
}

} // namespace

tl::expected<std::optional<http::operator_settings>, std::string> operators_of(
  const node_config& config) {
  if (config.text("OPERATOR_PORT").empty()) return std::nullopt;
  auto tokens = tokens_of(config);
  if (!tokens) return problem(tokens.error());
  if (tokens->empty())
    return problem("OPERATOR_PORT: whoever reaches the listener must bear a token; set "
                   "OPERATOR_TOKENS or OPERATOR_TOKENS_FILE, with what `tiketi-inspect token NAME` "
                   "prints");
  http::operator_settings out;
  out.address = config.text("OPERATOR_ADDRESS");
  out.port = static_cast<uint16_t>(config.number("OPERATOR_PORT"));
  out.tokens = std::move(*tokens);
  return out;
}

} // namespace tk
