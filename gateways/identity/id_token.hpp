#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "actors/base/result.hpp"
#include "actors/base/time.hpp"
#include "gateways/identity/port.hpp"

typedef struct evp_pkey_st EVP_PKEY;

namespace tk {

/// A provider's public RSA key.
using public_key = std::shared_ptr<EVP_PKEY>;

/// The usable keys of a provider by `kid`.
using key_set = std::map<std::string, public_key, std::less<>>;

/// Reads a JSON Web Key Set: RSA keys for RS256 signatures, of at least 2048 bits; whatever else is
/// in it is left out. An error when there is none.
tl::expected<key_set, std::string> parse_key_set(std::string_view json);

/// An ID token taken apart. Nothing of it is believed but `kid`, and that only to choose a key.
struct raw_id_token {
  std::string kid;
  std::string_view signed_part;
  std::string signature;
  std::string payload; ///< JSON text.
};

/// Takes a token apart when its header says RS256, names a key and asks for nothing else
/// (RFC 8725); `ec::google_invalid` otherwise. Views point into `token`.
result<raw_id_token> take_apart(std::string_view token);

/// Is it signed by `key`?
bool signature_matches(const raw_id_token& token, const public_key& key);

struct id_token_rules {
  std::string audience; ///< Our client id.
  std::string issuer = "https://accounts.google.com", issuer_short = "accounts.google.com";
};

/// Reads the claims of a token whose signature matches. `ec::google_invalid` for another issuer or
/// audience, or a wrong time; `ec::google_payload` without subject or mail.
result<provider_identity> read_claims(std::string_view payload, const id_token_rules& rules,
                                      instant now);

} // namespace tk
