#define CAF_SUITE ticket_codes

#include "http/api/ticket_codes.hpp"

#include "caf/test/dsl.hpp"

using namespace tk;
using namespace tk::http;

namespace {

ticket_key_seed seed_of(uint8_t x) {
  ticket_key_seed out;
  out.fill(x);
  return out;
}

/// The public key, as a key set shows it.
std::string shown_key(const ticket_codes& x) {
  auto text = x.key_set();
  auto at = text.find("\"x\":\"") + 5;
  return text.substr(at, text.find('"', at) - at);
}

struct fixture {
  ticket_codes codes{seed_of(1), {}};
  ticket_facts facts{{0x0123456789abcdef, 0xfedcba9876543210}, {1, 2}, "T20260215-ABCDEFG"};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ticket_code_tests, fixture)

CAF_TEST(a code says what was signed) {
  auto code = codes.sign(facts);
  CAF_CHECK(code.starts_with("TK1."));
  CAF_CHECK_EQUAL(code.size(), 162u);
  CAF_CHECK(codes.open(code) == facts);
  CAF_CHECK(codes.sign(facts) == code);
}

CAF_TEST(no byte of it can be changed) {
  auto code = codes.sign(facts);
  for (size_t i = 0; i < code.size(); ++i) {
    auto other = code;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    CAF_CHECK(!codes.open(other));
  }
  for (auto& x : {code.substr(0, code.size() - 1), code + "A", code + "=", " " + code, code + "\n",
                  std::string{}, std::string{"TK1."}, code.substr(4)})
    CAF_CHECK(!codes.open(x));
}

CAF_TEST(another key does not sign for ours) {
  ticket_codes other{seed_of(2), {}};
  CAF_CHECK(!codes.open(other.sign(facts)));
  CAF_CHECK(other.open(other.sign(facts)) == facts);
}

CAF_TEST(after a rotation the codes of the former key stay good) {
  auto former = parse_public_key(shown_key(codes));
  CAF_REQUIRE(former.has_value());
  ticket_codes next{seed_of(2), {*former}};
  CAF_CHECK(next.open(codes.sign(facts)) == facts);
  CAF_CHECK(next.sign(facts) != codes.sign(facts));
  CAF_CHECK(!codes.open(next.sign(facts)));
  CAF_CHECK(next.key_set().find(shown_key(codes)) != std::string::npos);
}

CAF_TEST(a public key is 32 bytes) {
  auto text = shown_key(codes);
  CAF_CHECK_EQUAL(text.size(), 43u);
  CAF_CHECK(parse_public_key(text).has_value());
  for (auto& x : {text + "=", text.substr(1), std::string{}, std::string(43, '+')})
    CAF_CHECK(!parse_public_key(x));
}

CAF_TEST_FIXTURE_SCOPE_END()
