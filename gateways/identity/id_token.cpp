#include "gateways/identity/id_token.hpp"

#include <optional>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

namespace tk {

namespace {

using nlohmann::json;

constexpr size_t token_max = 8192;
constexpr size_t key_set_max = 256 * 1024;
constexpr int key_bits_min = 2048;
constexpr size_t subject_max = 255;
/// Clocks may differ by this much; not after `exp`.
constexpr int64_t leeway_s = 30;

template <auto Free> struct with {
  template <class T> void operator()(T* x) const { Free(x); }
};
using big_number = std::unique_ptr<BIGNUM, with<BN_free>>;
using param_builder = std::unique_ptr<OSSL_PARAM_BLD, with<OSSL_PARAM_BLD_free>>;
using param_list = std::unique_ptr<OSSL_PARAM, with<OSSL_PARAM_free>>;
using key_context = std::unique_ptr<EVP_PKEY_CTX, with<EVP_PKEY_CTX_free>>;
using digest_context = std::unique_ptr<EVP_MD_CTX, with<EVP_MD_CTX_free>>;

const unsigned char* raw(std::string_view x) {
  return reinterpret_cast<const unsigned char*>(x.data());
}

std::optional<std::string> base64url(std::string_view text) {
  std::string out(text.size(), '\0');
  size_t size = 0;
  const char* end = nullptr;
  int failed =
    sodium_base642bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), text.data(),
                      text.size(), nullptr, &size, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  if (failed != 0 || end != text.data() + text.size()) return std::nullopt;
  out.resize(size);
  return out;
}

/// An object; null for anything else.
json parse(std::string_view text) {
  auto out = json::parse(text, nullptr, false);
  return out.is_object() ? out : json{};
}

/// Empty when it is missing or no string.
std::string text_of(const json& object, const char* name) {
  auto i = object.find(name);
  return i != object.end() && i->is_string() ? i->get<std::string>() : std::string{};
}

std::optional<int64_t> number_of(const json& object, const char* name) {
  auto i = object.find(name);
  if (i == object.end() || !i->is_number_integer()) return std::nullopt;
  return i->get<int64_t>();
}

/// A boolean, or its name: providers send both.
bool is_true(const json& object, const char* name) {
  auto i = object.find(name);
  return i != object.end() && (i->is_boolean() ? i->get<bool>() : *i == "true");
}

public_key make_key(std::string_view modulus, std::string_view exponent) {
  big_number n{BN_bin2bn(raw(modulus), static_cast<int>(modulus.size()), nullptr)};
  big_number e{BN_bin2bn(raw(exponent), static_cast<int>(exponent.size()), nullptr)};
  param_builder builder{OSSL_PARAM_BLD_new()};
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  param_list params{OSSL_PARAM_BLD_to_param(builder.get())};
  key_context context{EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr)};
  EVP_PKEY* made = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1)
    return nullptr;
  return {made, with<EVP_PKEY_free>{}};
}

/// For signing, by RS256, and not too small; null when it is anything else.
public_key key_of(const json& x) {
  if (!x.is_object() || text_of(x, "kty") != "RSA") return nullptr;
  auto use = text_of(x, "use"), alg = text_of(x, "alg");
  if ((!use.empty() && use != "sig") || (!alg.empty() && alg != "RS256")) return nullptr;
  auto n = base64url(text_of(x, "n")), e = base64url(text_of(x, "e"));
  if (!n || !e || n->empty() || e->empty()) return nullptr;
  auto key = make_key(*n, *e);
  return key && EVP_PKEY_get_bits(key.get()) >= key_bits_min ? key : nullptr;
}

} // namespace

tl::expected<key_set, std::string> parse_key_set(std::string_view text) {
  if (text.size() > key_set_max) return tl::unexpected(std::string{"the key set is too large"});
  auto parsed = parse(text);
  auto keys = parsed.find("keys");
  key_set out;
  if (parsed.is_object() && keys != parsed.end() && keys->is_array())
    for (auto& x : *keys)
      if (auto key = key_of(x)) out.insert_or_assign(text_of(x, "kid"), std::move(key));
  out.erase("");
  if (out.empty()) return tl::unexpected(std::string{"no usable RSA key in the key set"});
  return out;
}

result<raw_id_token> take_apart(std::string_view token) {
  auto refused = tl::unexpected(ec::google_invalid);
  if (token.size() > token_max) return refused;
  auto first = token.find('.');
  auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return refused;
  auto header = base64url(token.substr(0, first));
  auto payload = base64url(token.substr(first + 1, second - first - 1));
  auto signature = base64url(token.substr(second + 1));
  if (!header || !payload || !signature) return refused;
  auto said = parse(*header);
  raw_id_token out;
  out.kid = text_of(said, "kid");
  // `jku`, `x5u` and `jwk` are never followed: keys come from the configured address only (S2).
  if (text_of(said, "alg") != "RS256" || out.kid.empty() || said.contains("crit")) return refused;
  out.signed_part = token.substr(0, second);
  out.signature = std::move(*signature);
  out.payload = std::move(*payload);
  return out;
}

bool signature_matches(const raw_id_token& token, const public_key& key) {
  digest_context context{EVP_MD_CTX_new()};
  return context && key &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(token.signature), token.signature.size(),
                          raw(token.signed_part), token.signed_part.size()) == 1;
}

result<provider_identity> read_claims(std::string_view payload, const id_token_rules& rules,
                                      instant now) {
  auto said = parse(payload);
  auto issuer = text_of(said, "iss");
  auto begins = number_of(said, "iat"), ends = number_of(said, "exp");
  auto not_before = number_of(said, "nbf").value_or(0);
  int64_t now_s = to_ms(now) / 1000;
  bool ours = (issuer == rules.issuer || issuer == rules.issuer_short) && !rules.audience.empty() &&
              text_of(said, "aud") == rules.audience;
  bool timely = begins && ends && *ends > now_s && *begins <= now_s + leeway_s &&
                not_before <= now_s + leeway_s;
  if (!ours || !timely) return tl::unexpected(ec::google_invalid);
  provider_identity out;
  out.subject = text_of(said, "sub");
  out.email = text_of(said, "email");
  out.email_verified = is_true(said, "email_verified");
  out.name = text_of(said, "name");
  out.picture = text_of(said, "picture");
  if (out.subject.empty() || out.subject.size() > subject_max || out.email.empty())
    return tl::unexpected(ec::google_payload);
  return out;
}

} // namespace tk
