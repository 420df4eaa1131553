// tiketi-sim: a whole sale in one thread and in virtual time, from one number (docs/simulation.md).

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>

#include "logging/log.hpp"
#include "tests/simulation/batch.hpp"
#include "tests/simulation/mutants.hpp"
#include "tests/simulation/options.hpp"
#include "tests/simulation/printing.hpp"

using namespace tk::sim;

namespace {

/// The same command for the program beside this one, which can have planted bugs.
[[noreturn]] void become_the_mutant(char** argv) {
  auto other = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "tiketi-sim-mutants";
  execv(other.c_str(), argv);
  throw std::runtime_error("cannot run " + other.string() + "; is it built?");
}

int act(const options& how) {
  tk::stop_log(); // What the product would log is of no interest here.
  if (!how.mutant.empty()) select_mutant(how.mutant);
  switch (how.what) {
  case options::verb::run: return play_batch(how);
  case options::verb::replay: return replay_one(how);
  case options::verb::mutants: return hunt_mutants(how);
  case options::verb::list: print_list(); break;
  case options::verb::other: return how.run();
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  try {
    auto how = parse_options(argc, argv);
    if (how.status >= 0) return how.status;
    bool mutants = how.what == options::verb::mutants || !how.mutant.empty();
    if (mutants && !can_have_mutants()) become_the_mutant(argv);
    auto code = act(how);
    // Who writes to a full disk has not been told.
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    throw std::runtime_error("cannot write the report");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tiketi-sim: %s\n", e.what());
    return 2;
  }
}
