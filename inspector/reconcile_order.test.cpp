#define CAF_SUITE inspector_reconcile
#include "inspector/reconcile_order.hpp"

#include <caf/test/dsl.hpp>

using namespace tk::inspector;
using json = nlohmann::ordered_json;
using state = reconciliation_seen::state;

namespace {

json told(const json& run, int64_t cases = 0) {
  return {{"parts", {{{"from", "rows"}, {"data", {{"runs", {run}}, {"cases_open", cases}}}}}}};
}

} // namespace

CAF_TEST(a run is under way until it has an end) {
  CAF_CHECK(reconciliation_of(told({{"id", "a"}, {"ended_at", nullptr}}), "a").is ==
            state::under_way);
  auto ended =
    told({{"id", "a"}, {"ended_at", "now"}, {"given_up", false}, {"result", {{"asked", 3}}}}, 2);
  auto x = reconciliation_of(ended, "a");
  CAF_CHECK(x.is == state::ended);
  CAF_CHECK_EQUAL(x.cases_open, 2);
  CAF_CHECK_EQUAL(x.result["asked"].get<int>(), 3);
}

CAF_TEST(a run whose node died and one that nobody knows came to nothing) {
  CAF_CHECK(
    reconciliation_of(told({{"id", "a"}, {"ended_at", "now"}, {"given_up", true}}), "a").is ==
    state::gone);
  CAF_CHECK(reconciliation_of(told({{"id", "b"}, {"ended_at", nullptr}}), "a").is == state::gone);
}

CAF_TEST(without rows nothing is known) {
  CAF_CHECK(reconciliation_of(json::object(), "a").is == state::not_told);
  CAF_CHECK(reconciliation_of(json::array({1}), "a").is == state::not_told);
  CAF_CHECK(reconciliation_of({{"parts", 7}}, "a").is == state::not_told);
}

CAF_TEST(people read what was asked and what to do next) {
  reconciliation_seen x;
  x.is = state::ended;
  x.cases_open = 1;
  x.result = {{"asked", 3},   {"agreed", 2},
              {"silent", 0},  {"found", 1},
              {"repairs", 1}, {"rows", {{"compared", true}, {"rules", 30}, {"broken", 0}}}};
  auto text = reconciliation_text(x);
  CAF_CHECK(text.find("3 payments asked about: 2 agree, 0 without answer, 1 differ or wait\n") ==
            0);
  CAF_CHECK(text.find("1 checkouts were told to ask again\n") != std::string::npos);
  CAF_CHECK(text.find("30 rules of the rows asked, 0 broken\n") != std::string::npos);
  CAF_CHECK(text.find("tiketi-inspect cases\n") != std::string::npos);
  x.result["rows"] = {{"compared", false}, {"why", "too many"}};
  CAF_CHECK(reconciliation_text(x).find("not compared: too many; ask `tiketi-inspect audit`") !=
            std::string::npos);
}
