#define CAF_SUITE workload

#include <caf/test/dsl.hpp>

#include "tests/simulation/run.hpp"
#include "tests/simulation/workload.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

sale_plan sale(const std::string& more) {
  auto out = parse_plan(
    R"({"faults": false, "people": 12, "visits": 2, "length_s": 20, "hold_s": 6, "workloads": )" +
    more + "}");
  if (!out) CAF_FAIL(out.error());
  return *out;
}

std::string problem(const std::string& text) {
  auto out = parse_plan(text);
  return out ? std::string{} : out.error();
}

/// What people were told, by what they had asked for.
bool anybody(const run_result& x, const std::string& asked) {
  auto i = x.answers.lower_bound(asked);
  return i != x.answers.end() && i->first.starts_with(asked);
}

} // namespace

CAF_TEST(a sale names pieces that there are) {
  CAF_CHECK(problem(R"({"workloads": ["arrivals", "paying"]})") == "");
  CAF_CHECK(problem(R"({"workloads": ["arivals"]})") == R"(sale.workloads: there is no "arivals")");
  CAF_CHECK(problem(R"({"workloads": []})") == "sale.workloads must be a list of names");
  CAF_CHECK(problem(R"({"workloads": [1]})") == "sale.workloads: there is no 1");
}

CAF_TEST(a sale has the pieces that it names and no others) {
  auto shy = run_seed(1, sale(R"(["arrivals"])"));
  CAF_CHECK(shy.wrong.empty());
  CAF_CHECK(anybody(shy, "hold "));
  CAF_CHECK(!anybody(shy, "payment "));
  CAF_CHECK(!anybody(shy, "cancel "));
  auto quick = run_seed(1, sale(R"(["arrivals", "paying", "latecomers"])"));
  CAF_CHECK(quick.wrong.empty());
  CAF_CHECK(anybody(quick, "payment "));
  CAF_CHECK(!anybody(quick, "cancel "));
  CAF_CHECK(!anybody(quick, "refund "));
  CAF_CHECK(!anybody(quick, "sign-out "));
}

CAF_TEST(without pieces of its own a sale has the usual ones) {
  auto named = sale(R"(["arrivals"])");
  named.workloads.clear();
  auto usual = run_seed(1, named);
  for (auto& kind : workload_kinds())
    if (kind.usual) named.workloads.emplace_back(kind.name);
  auto same = run_seed(1, named);
  CAF_CHECK(usual.wrong.empty());
  CAF_CHECK(usual.digest == same.digest);
}
