#define CAF_SUITE operator_tokens
#include "http/operators/tokens.hpp"

#include <sodium.h>

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

std::string digest_of(std::string_view token) {
  std::array<unsigned char, 32> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(token.data()),
                     token.size());
  std::array<char, 65> hex{};
  return sodium_bin2hex(hex.data(), hex.size(), digest.data(), digest.size());
}

/// What configures `token`.
std::string entry(const std::string& bearer, std::string_view token) {
  std::string out = bearer;
  out.append(":").append(digest_of(token));
  return out;
}

bool refused(const std::string& text, const std::string& why) {
  auto read = parse_operator_tokens(text);
  return !read && read.error().find(why) != std::string::npos;
}

struct fixture {
  fixture() { CAF_REQUIRE(sodium_init() >= 0); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(operator_token_tests, fixture)

CAF_TEST(tokens come from lines and from commas and comments are skipped) {
  std::string text = "# who may look\n\n";
  text.append(entry("ann:reader", "a")).append(" # until June\r\n");
  text.append(entry("bob.b-1:operator", "b")).append(",");
  text.append(entry("carl:reader", "c"));
  auto read = parse_operator_tokens(text);
  CAF_REQUIRE(read.has_value());
  CAF_REQUIRE_EQUAL(read->size(), 3u);
  CAF_CHECK_EQUAL(read->at(0).name, "ann");
  CAF_CHECK(read->at(0).role == operator_role::reader);
  CAF_CHECK_EQUAL(read->at(1).name, "bob.b-1");
  CAF_CHECK(read->at(1).role == operator_role::operator_);
  CAF_CHECK_EQUAL(parse_operator_tokens("")->size(), 0u);
}

CAF_TEST(what is malformed is refused and no digest is told) {
  CAF_CHECK(refused("ann:reader", "name:role:digest"));
  CAF_CHECK(refused(entry("Ann:reader", "a"), "a name has"));
  CAF_CHECK(refused(entry(":reader", "a"), "a name has"));
  CAF_CHECK(refused(entry(std::string(41, 'a').append(":reader"), "a"), "a name has"));
  CAF_CHECK(refused(entry("ann:root", "a"), "reader or operator"));
  auto good = entry("ann:reader", "a");
  auto digest = digest_of("a");
  auto cut = good.substr(0, good.size() - 1);
  CAF_CHECK(refused(cut, "64 hexadecimal"));
  CAF_CHECK(!refused(cut, digest.substr(0, 63)));
  cut.back() = 'z';
  CAF_CHECK(refused(cut, "64 hexadecimal"));
  good += 'a';
  CAF_CHECK(refused(good, "64 hexadecimal"));
}

CAF_TEST(a token is its bearer with the role and nobody else) {
  auto text = entry("ann:reader", "token of ann");
  text.append("\n").append(entry("bob:operator", "token of bob"));
  auto tokens = parse_operator_tokens(text);
  CAF_REQUIRE(tokens.has_value());
  const operator_authenticator door(*tokens);
  auto ann = door.authenticate("token of ann", instant{});
  auto bob = door.authenticate("token of bob", instant{});
  CAF_REQUIRE(ann.has_value());
  CAF_REQUIRE(bob.has_value());
  CAF_CHECK_EQUAL(ann->email, "ann");
  CAF_CHECK(!ann->admin());
  CAF_CHECK(bob->admin());
  CAF_CHECK(ann->user != bob->user);
  CAF_CHECK(ann->user == operator_id("ann"));
  for (auto* wrong : {"", "token of an", "token of ann ", "ann"})
    CAF_CHECK(!door.authenticate(wrong, instant{}).has_value());
  CAF_CHECK(!door.authenticate(digest_of("token of bob"), instant{}).has_value());
}

CAF_TEST_FIXTURE_SCOPE_END()
