#define CAF_SUITE loss_order
#include "inspector/loss_order.hpp"

#include <nlohmann/json.hpp>

#include "caf/test/dsl.hpp"

using namespace tk::inspector;

namespace {

using json = nlohmann::json;

node_answer answer(const json& data, int status = 200) {
  node_answer out;
  out.status = status;
  out.body = json{{"parts", json::array({json{{"from", "memory"}, {"data", data}}})}}.dump();
  return out;
}

} // namespace

CAF_TEST(a node says what it misses or that it still looks) {
  auto none = loss_of(answer({{"loss", "none"}, {"key", nullptr}}));
  CAF_CHECK(none.told && !none.suspected && none.key.empty());
  auto looking = loss_of(answer({{"loss", "suspected"}, {"key", nullptr}}));
  CAF_CHECK(looking.told && looking.suspected && looking.key.empty());
  auto known = loss_of(answer({{"loss", "suspected"}, {"key", "abc"}}));
  CAF_CHECK(known.told && known.suspected);
  CAF_CHECK_EQUAL(known.key, "abc");
}

CAF_TEST(what is no answer says nothing) {
  CAF_CHECK(!loss_of(answer({{"loss", "none"}}, 401)).told);
  CAF_CHECK(!loss_of(answer({{"key", "abc"}})).told);
  node_answer odd;
  odd.status = 200;
  for (auto* body : {"", "[]", "{}", "{\"parts\":5}", "{\"parts\":[]}", "{\"parts\":[1]}"}) {
    odd.body = body;
    CAF_CHECK(!loss_of(odd).told);
  }
}

CAF_TEST(a request says all of it) {
  CAF_CHECK(json::parse(loss_request("k", "no \"reason\"", "op")) ==
            (json{{"key", "k"}, {"reason", "no \"reason\""}, {"operationId", "op"}}));
  CAF_CHECK(json::parse(loss_request("k", "\xff", "op")).contains("reason")); // Never throws.
}
