#define CAF_SUITE id_token
#include "gateways/identity/id_token.hpp"

#include "caf/test/dsl.hpp"

#include "gateways/identity/key_cache.hpp"
#include "gateways/identity/token_maker.hpp"

using namespace tk;
using namespace tk::test;

namespace {

constexpr int64_t now_s = 1'790'000'000;
const instant now = from_ms(now_s * 1000);

struct fixture {
  token_maker maker{"k1"};
  key_set keys = parse_key_set(maker.key_set()).value();
  id_token_rules rules{.audience = "us"};

  bool genuine(const std::string& token) {
    auto x = take_apart(token);
    return x && keys.contains(x->kid) && signature_matches(*x, keys.at(x->kid));
  }
  ec said(const std::string& more) {
    auto who = read_claims(claims(now_s, more), rules, now);
    return who ? ec::ok : who.error();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(id_token_tests, fixture)

CAF_TEST(a good token tells who it is) {
  auto token = maker.sign(claims(now_s));
  CAF_REQUIRE(genuine(token));
  auto raw = take_apart(token);
  auto who = read_claims(raw->payload, rules, now);
  CAF_REQUIRE(who);
  provider_identity expected{"117", "a@x.example", true, "A", "https://x/p"};
  CAF_CHECK(*who == expected);
}

CAF_TEST(S1 what is not signed by the key it names is not genuine) {
  auto good = maker.sign(claims(now_s));
  auto dot = good.rfind('.');
  token_maker stranger{"k1"};
  CAF_CHECK(!genuine(stranger.sign(claims(now_s))));
  CAF_CHECK(!genuine(good.substr(0, dot) + "."));
  CAF_CHECK(!genuine(good.substr(0, dot)));
  CAF_CHECK(!genuine(good + ".x"));
  CAF_CHECK(!genuine(base64url(maker.header()) + "." + base64url(claims(now_s, ",\"sub\":\"1\"")) +
                     good.substr(dot)));
  CAF_CHECK(!genuine(""));
  CAF_CHECK(!genuine(".."));
  CAF_CHECK(!genuine(std::string(9000, 'a')));
}

CAF_TEST(S1 S2 other algorithms and headers that ask for more are refused unread) {
  for (auto* alg : {"none", "None", "HS256", "RS384", "RS512", "ES256", "PS256", ""})
    CAF_CHECK(!take_apart(maker.sign(maker.header(alg), claims(now_s))));
  for (auto* header :
       {R"({"alg":"RS256"})", R"({"alg":"RS256","kid":""})", R"({"alg":"RS256","kid":7})",
        R"({"alg":"RS256","kid":"k1","crit":["x"]})", R"(["RS256"])", "nonsense", ""})
    CAF_CHECK(!take_apart(maker.sign(header, claims(now_s))));
}

CAF_TEST(S3 issuer and audience and times are exact) {
  CAF_CHECK(said("") == ec::ok);
  CAF_CHECK(said(R"(,"iss":"accounts.google.com")") == ec::ok);
  for (auto* more :
       {R"(,"iss":"https://accounts.google.com.evil")", R"(,"iss":null)", R"(,"aud":"them")",
        R"(,"aud":["us"])", R"(,"aud":null)", R"(,"exp":1790000000)", R"(,"exp":"1990000000")",
        R"(,"exp":null)", R"(,"iat":1790000031)", R"(,"iat":null)", R"(,"nbf":1790000031)"})
    CAF_CHECK_EQUAL(to_string(said(more)), "google_invalid");
  CAF_CHECK(said(R"(,"iat":1790000030)") == ec::ok);
  CAF_CHECK(said(R"(,"exp":1790000001)") == ec::ok);
  rules.audience = ""; // Not configured: nothing is for us.
  CAF_CHECK(said(R"(,"aud":"")") == ec::google_invalid);
}

CAF_TEST(a token that does not say who is refused as such) {
  for (auto* more : {R"(,"sub":"")", R"(,"sub":7)", R"(,"email":null)", R"(,"email":"")"})
    CAF_CHECK(said(more) == ec::google_payload);
}

CAF_TEST(a mail is verified only when the provider says so) {
  auto verified = [&](const std::string& more) {
    return read_claims(claims(now_s, more), rules, now)->email_verified;
  };
  CAF_CHECK(verified(""));
  CAF_CHECK(verified(R"(,"email_verified":"true")"));
  CAF_CHECK(!verified(R"(,"email_verified":false)"));
  CAF_CHECK(!verified(R"(,"email_verified":"false")"));
  CAF_CHECK(!verified(R"(,"email_verified":1)"));
  CAF_CHECK(!verified(R"(,"email_verified":null)"));
}

CAF_TEST(a key set keeps what is good for RS256) {
  token_maker weak{"weak", 1024};
  auto set = parse_key_set(R"({"keys":[)" + maker.jwk() + "," + weak.jwk() + "," +
                           token_maker{"enc"}.jwk(R"(,"use":"enc")") + "," +
                           token_maker{"ps"}.jwk(R"(,"alg":"PS256")") +
                           R"(,{"kty":"EC","kid":"ec"},{"kty":"RSA","kid":"half","n":"AQAB"},7]})");
  CAF_REQUIRE(set);
  CAF_CHECK_EQUAL(set->size(), 1u);
  CAF_CHECK(set->contains("k1"));
  for (auto* text : {"", "[]", "{}", R"({"keys":[]})", R"({"keys":7})", "nonsense"})
    CAF_CHECK(!parse_key_set(text));
}

// -- when keys are asked for ----------------------------------------------------------------------

CAF_TEST(keys are fetched first when somebody needs them and serve for an hour) {
  using enum key_decision::kind;
  key_cache cache{{}};
  auto x = cache.decide("k1", now);
  CAF_CHECK(x.is == wait && x.fetch);
  cache.begin(now);
  CAF_CHECK(cache.decide("k1", now).is == wait && !cache.decide("k1", now).fetch);
  cache.succeeded(keys, now);
  x = cache.decide("k1", now + std::chrono::hours(1));
  CAF_CHECK(x.is == use && x.key && !x.fetch);
  x = cache.decide("k1", now + std::chrono::hours(1) + millis{1});
  CAF_CHECK(x.is == use && x.fetch); // Nobody waits for the newer ones.
  cache.begin(now + std::chrono::hours(1));
  cache.failed();
  CAF_CHECK(cache.decide("k1", now + std::chrono::hours(6)).is == use);
  x = cache.decide("k1", now + std::chrono::hours(6) + millis{1});
  CAF_CHECK(x.is == wait && x.fetch); // Their age is bounded.
}

CAF_TEST(an unknown key is asked for once a minute) {
  using enum key_decision::kind;
  key_cache cache{{}};
  cache.begin(now);
  cache.succeeded(keys, now);
  CAF_CHECK(cache.decide("k2", now + millis{59'999}).is == refuse);
  auto x = cache.decide("k2", now + millis{60'000});
  CAF_CHECK(x.is == wait && x.fetch);
  cache.begin(now + millis{60'000});
  CAF_CHECK(cache.decide("k3", now + millis{60'001}).is == wait);
  CAF_CHECK(cache.decide("k1", now + millis{60'001}).is == use);
  cache.succeeded(keys, now + millis{60'002});
  CAF_CHECK(cache.decide("k2", now + millis{60'003}).is == refuse);
}

CAF_TEST(after a vain fetch an unknown key is not called bad) {
  using enum key_decision::kind;
  key_cache cache{{}};
  cache.begin(now);
  cache.succeeded(keys, now);
  cache.begin(now + millis{60'000});
  cache.failed();
  CAF_CHECK(cache.decide("k2", now + millis{60'001}).is == away);
  CAF_CHECK(cache.decide("k1", now + millis{60'001}).is == use);
  CAF_CHECK(cache.decide("k2", now + millis{120'000}).fetch);
}

CAF_TEST_FIXTURE_SCOPE_END()
