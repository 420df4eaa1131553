#define CAF_SUITE gate_ids

#include "http/api/gate_ids.hpp"

#include <set>

#include <caf/test/dsl.hpp>

using namespace tk;
using namespace tk::http;

namespace {

const event_id event{1, 2};
const instant now = from_ms(1'800'000'000'000);

struct fixture {
  gate_ids ids{std::string(32, 'k')};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(gate_id_tests, fixture)

CAF_TEST(a request id says its position to whoever has the key) {
  for (int64_t position : {int64_t{1}, int64_t{2}, int64_t{4096}, (int64_t{1} << 28) - 1}) {
    for (auto at : {now, from_ms(60'000), from_ms(4'102'444'800'000)}) {
      auto x = ids.make(event, 3, position, at);
      CAF_CHECK(ids.open(x, event, 3, at) == position);
      auto text = to_string(x);
      CAF_CHECK_EQUAL(text[14], '4');
      CAF_CHECK(std::string{"89ab"}.find(text[19]) != std::string::npos);
      CAF_CHECK(parse_id<request_id>(text) == x);
    }
  }
}

CAF_TEST(a request id is of one event and one activation) {
  auto x = ids.make(event, 3, 77, now);
  CAF_CHECK(!ids.open(x, {1, 3}, 3, now));
  CAF_CHECK(!ids.open(x, event, 2, now));
  CAF_CHECK(!ids.open(x, event, 4, now));
  gate_ids other{std::string(32, 'x')};
  CAF_CHECK(!other.open(x, event, 3, now));
}

CAF_TEST(a request id that was changed is none) {
  auto x = ids.make(event, 3, 77, now);
  for (int bit = 0; bit < 64; ++bit) {
    CAF_CHECK(!ids.open({x.hi ^ uint64_t{1} << bit, x.lo}, event, 3, now));
    CAF_CHECK(!ids.open({x.hi, x.lo ^ uint64_t{1} << bit}, event, 3, now));
  }
  CAF_CHECK(!ids.open({}, event, 3, now));
}

CAF_TEST(a request id is good for a day) {
  const auto minute = std::chrono::minutes{1};
  const auto day = std::chrono::hours{24};
  auto x = ids.make(event, 3, 77, now);
  CAF_CHECK(ids.open(x, event, 3, now + day));
  CAF_CHECK(ids.open(x, event, 3, now - minute)); // Another node's clock.
  CAF_CHECK(!ids.open(x, event, 3, now - 2 * minute));
  CAF_CHECK(!ids.open(x, event, 3, now + day + 2 * minute));
  // Minutes come again after 4096 of them; the seal knows which it was.
  CAF_CHECK(!ids.open(x, event, 3, now + 4096 * minute));
}

CAF_TEST(request ids look like any others) {
  std::set<uint64_t> beginnings;
  for (int64_t n = 1; n <= 1000; ++n) beginnings.insert(ids.make(event, 3, n, now).hi >> 32);
  CAF_CHECK(beginnings.size() > 990);
}

CAF_TEST(a browser proves which request id it was given and as whom) {
  auto x = ids.make(event, 3, 77, now);
  auto proof = ids.proof(event, x, "anon-1");
  CAF_CHECK(ids.proven(proof, event) == x);
  CAF_CHECK(ids.proven(proof, event, "anon-1") == x);
  CAF_CHECK(!ids.proven(proof, event, "anon-2"));
  CAF_CHECK(!ids.proven(proof, {1, 3}));
  for (size_t i = 0; i < proof.size(); ++i) {
    auto changed = proof;
    changed[i] = changed[i] == '1' ? '2' : '1';
    CAF_CHECK(!ids.proven(changed, event, "anon-1"));
  }
  for (auto bad : {"", ".", "..", "x.y.z"}) CAF_CHECK(!ids.proven(bad, event));
  CAF_CHECK(!ids.proven(to_string(x), event));
}

CAF_TEST_FIXTURE_SCOPE_END()
