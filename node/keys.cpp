#include "node/keys.hpp"

#include <algorithm>

#include <sodium.h>

namespace tk {

namespace {

pii_key key_of(const std::string& bytes) {
  pii_key out;
  std::ranges::copy(bytes, out.bytes.begin());
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, out.bytes.data(), out.bytes.size());
  out.id = static_cast<uint8_t>(1 + digest[0] % 255);
  return out;
}

} // namespace

tl::expected<std::shared_ptr<const pii_vault>, std::string> make_vault(const node_config& config) {
  pii_keys keys;
  keys.current = key_of(config.secret("TIKETI_PII_KEY"));
  std::ranges::copy(config.secret("TIKETI_PII_LOOKUP_KEY"), keys.lookup.begin());
  if (!config.text("TIKETI_PII_KEY_PREVIOUS").empty()) {
    keys.previous = key_of(config.secret("TIKETI_PII_KEY_PREVIOUS"));
    if (keys.previous->id == keys.current.id)
      return tl::unexpected(std::string{"TIKETI_PII_KEY: its number is that of the previous key; "
                                        "make another one with: openssl rand -base64 32"});
  }
  return std::make_shared<const pii_vault>(keys);
}

http::ticket_codes make_ticket_codes(const node_config& config) {
  http::ticket_key_seed seed{};
  std::ranges::copy(config.secret("TIKETI_TICKET_KEY"), seed.begin());
  std::vector<http::ticket_public_key> previous;
  for (auto& text : config.list("TIKETI_TICKET_KEYS_PREVIOUS"))
    if (auto key = http::parse_public_key(text)) previous.push_back(*key);
  return {seed, previous};
}

} // namespace tk
