#pragma once

#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sodium.h>

/// Plays a provider in tests: a key pair, its key set, signed tokens.
namespace tk::test {

inline std::string base64url(const std::string& x) {
  std::string out(sodium_base64_encoded_len(x.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING),
                  '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(x.data()),
                    x.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  out.resize(out.size() - 1);
  return out;
}

class token_maker {
public:
  explicit token_maker(std::string kid, unsigned bits = 2048)
      : kid_(std::move(kid)), key_(EVP_RSA_gen(bits), EVP_PKEY_free) {
    // nop
  }

  /// As an entry of a key set; `more` begins with a comma.
  [[nodiscard]] std::string jwk(const std::string& more = R"(,"use":"sig","alg":"RS256")") const {
    return R"({"kty":"RSA","kid":")" + kid_ + R"(","n":")" + number("n") + R"(","e":")" +
           number("e") + "\"" + more + "}";
  }
  [[nodiscard]] std::string key_set() const { return R"({"keys":[)" + jwk() + "]}"; }

  [[nodiscard]] std::string header(const std::string& alg = "RS256") const {
    return R"({"alg":")" + alg + R"(","kid":")" + kid_ + R"(","typ":"JWT"})";
  }
  [[nodiscard]] std::string sign(const std::string& payload) const {
    return sign(header(), payload);
  }
  [[nodiscard]] std::string sign(const std::string& header, const std::string& payload) const {
    auto text = base64url(header) + "." + base64url(payload);
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                    EVP_MD_CTX_free};
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = 0;
    EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
    std::string signature(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                   text.size());
    signature.resize(size);
    return text + "." + base64url(signature);
  }

private:
  [[nodiscard]] std::string number(const char* name) const {
    BIGNUM* x = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &x);
    std::string out(static_cast<size_t>(BN_num_bytes(x)), '\0');
    BN_bn2bin(x, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(x);
    return base64url(out);
  }

  std::string kid_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

/// The claims of a good token at second `now_s`, with `more` (beginning with a comma) at the end,
/// where a repeated name wins.
inline std::string claims(int64_t now_s, const std::string& more = "") {
  return R"({"iss":"https://accounts.google.com","aud":"us","sub":"117","email":"a@x.example",)"
         R"("email_verified":true,"name":"A","picture":"https://x/p","iat":)" +
         std::to_string(now_s) + R"(,"exp":)" + std::to_string(now_s + 3600) + more + "}";
}

} // namespace tk::test
