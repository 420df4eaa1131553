// The main function of every test program: CAF's own, except that a run in which nothing was
// checked fails. A mistyped suite or an empty file must not look like success.
#include <algorithm>
#include <iostream>
#include <string_view>

#define CAF_TEST_NO_MAIN
#include "caf/test/unit_test_impl.hpp"

namespace {

bool only_lists(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, [](std::string_view x) {
    return x == "-h" || x == "-a" || x == "-A" || x == "--help" || x.starts_with("--available");
  });
}

} // namespace

int main(int argc, char** argv) {
  const auto status = caf::test::main(argc, argv);
  if (status != 0 || only_lists(argc, argv)) return status;
  if (const auto* last = caf::test::engine::current_test(); last == nullptr) {
    std::cerr << "no test ran\n";
    return 1;
  }
  return 0;
}
