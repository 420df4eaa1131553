#define CAF_SUITE farm

#include <unistd.h>

#include <csignal>
#include <map>
#include <string>

#include <caf/test/dsl.hpp>

#include "tests/simulation/farm.hpp"
#include "tests/simulation/run.hpp"
#include "tests/simulation/world.hpp"

using namespace tk;
using namespace tk::sim;

namespace {

/// What a farm of numbers 1 to 6 says, where 2 and 5 are not worked at as the others are.
std::map<uint64_t, std::string> reap(unsigned jobs, void (*trouble)()) {
  std::map<uint64_t, std::string> out;
  farm x;
  x.jobs = jobs;
  x.count = 6;
  x.patience = std::chrono::seconds{1};
  x.work = [trouble](uint64_t n) {
    if (n == 2 || n == 5) trouble();
    return nlohmann::json{{"done", n}};
  };
  x.take = [&out](uint64_t n, const nlohmann::json& said) {
    out[n] = said.dump();
    return true;
  };
  x.run();
  return out;
}

std::map<uint64_t, std::string> all_but(const std::string& trouble) {
  std::map<uint64_t, std::string> out;
  for (uint64_t n = 1; n <= 6; ++n)
    out[n] = n == 2 || n == 5 ? trouble : R"({"done":)" + std::to_string(n) + "}";
  return out;
}

} // namespace

CAF_TEST(a number whose process dies is told and the others go on) {
  auto crash = [] { raise(SIGKILL); };
  for (unsigned jobs : {1u, 2u, 6u})
    CAF_CHECK(reap(jobs, crash) == all_but(R"({"died":"signal 9"})"));
}

CAF_TEST(a number that never ends is told and the others go on) {
  auto loop = [] {
    for (;;) pause(); // As a handler that never returns, but for the heat.
  };
  for (unsigned jobs : {1u, 2u}) CAF_CHECK(reap(jobs, loop) == all_but(R"({"hung":"1 s"})"));
}

CAF_TEST(D7 a world in which no time passes any more ends) {
  world w{1, sale_plan{}, fault_mix{}};
  std::function<void()> again = [&] { w.time.after(millis{0}, again); };
  w.time.after(millis{5}, again);
  auto wrong = w.run_until(w.time.now() + millis{1000});
  CAF_CHECK(wrong.starts_with("D7: "));
}
