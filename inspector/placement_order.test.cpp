#define CAF_SUITE placement_order
#include "inspector/placement_order.hpp"

#include "caf/test/dsl.hpp"

using namespace tk::inspector;

namespace {

using json = nlohmann::ordered_json;
using state = placement_progress::state;
using enum placement_verb;

constexpr const char* node = "6f0e0000-0000-4000-8000-000000000001";

json told(const json& wishes) {
  auto part = json::object({{"from", "rows"}, {"data", json::object({{"wishes", wishes}})}});
  return json::object({{"parts", json::array({part})}});
}

json wish(const char* what, const json& of, const json& shard, int left) {
  return {{"what", what}, {"node", of}, {"shard", shard}, {"left", left}};
}

} // namespace

CAF_TEST(a request names what is known and nothing else) {
  placement_order x{drain, "", node, "Disk", "op"};
  CAF_CHECK_EQUAL(placement_path(x), "/operator/placement/drain");
  CAF_CHECK(json::parse(placement_request(x)) ==
            (json{{"node", node}, {"reason", "Disk"}, {"operationId", "op"}}));
  x = {move, "event:1", "any", "", "op"};
  CAF_CHECK(json::parse(placement_request(x)) == (json{{"key", "event:1"}, {"operationId", "op"}}));
  CAF_CHECK(!takes_time(x));
  CAF_CHECK(!takes_time({undrain, "", node, "", "op"}));
  x = {rebalance, "", "", "", "op"};
  CAF_CHECK_EQUAL(placement_path(x), "/operator/placement/rebalance");
  CAF_CHECK(takes_time(x));
  CAF_CHECK(!takes_back(x));
  x = {undrain, "", node, "", "op", "2026-11-22T17:00:00.000Z"};
  CAF_CHECK(takes_back(x));
  CAF_CHECK_EQUAL(json::parse(placement_request(x)).value("asOf", ""), x.seen);
  x.reason = "no \xff text"; // Never throws.
  CAF_CHECK(json::parse(placement_request(x)).contains("reason"));
}

CAF_TEST(a drain is over when its node has nothing left) {
  const placement_order x{drain, "", node, "", "op"};
  auto other = wish("drain", "another", nullptr, 9);
  auto on = progress_of(told(json::array({other, wish("drain", node, nullptr, 3)})), x, 0);
  CAF_CHECK(on.is == state::under_way);
  CAF_CHECK_EQUAL(on.left, 3);
  CAF_CHECK(progress_of(told(json::array({wish("drain", node, nullptr, 0)})), x, 0).is ==
            state::reached);
  CAF_CHECK(progress_of(told(json::array({other})), x, 0).is == state::gone);
}

CAF_TEST(a move is over when the shard is there) {
  const placement_order x{move, "event:1", node, "", "op"};
  auto at = [&](int left) { return told(json::array({wish("move", node, 5, left)})); };
  CAF_CHECK(progress_of(at(1), x, 5).is == state::under_way);
  CAF_CHECK(progress_of(at(0), x, 5).is == state::reached);
  CAF_CHECK(progress_of(at(0), x, 6).is == state::gone);
  CAF_CHECK(progress_of(told(json::array({wish("move", "another", 5, 1)})), x, 5).is ==
            state::gone);
}

CAF_TEST(a rebalance is over when it is no wish any more) {
  const placement_order x{rebalance, "", "", "", "op"};
  auto open = [](int left) {
    return told(json::array({wish("rebalance", nullptr, nullptr, left)}));
  };
  CAF_CHECK(progress_of(open(4), x, 0).is == state::under_way);
  CAF_CHECK(progress_of(open(0), x, 0).is == state::under_way); // Until somebody has seen it.
  CAF_CHECK(progress_of(told(json::array()), x, 0).is == state::reached);
}

CAF_TEST(without the rows nothing is known) {
  const placement_order x{drain, "", node, "", "op"};
  const auto odd = json::object({{"parts", json::array({5})}});
  for (auto& nothing : {json::object(), json{{"parts", json::array()}}, json(), json::array(), odd})
    CAF_CHECK(progress_of(nothing, x, 0).is == state::not_told);
}
