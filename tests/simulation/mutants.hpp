#pragma once

#include <span>
#include <string>

namespace tk::sim {

/// A bug that is planted in a copy of the code, described where it is planted.
struct planted_bug {
  const char* name;
  const char* sale;     ///< In which it is looked for.
  bool crashes = false; ///< It ends the process; else an invariant has to find it.
};

/// All of them. tests/tidy compares this list with what is planted.
std::span<const planted_bug> planted_bugs();

/// True in the program that can have one.
bool can_have_mutants();
/// From now on this process has this bug; throws when there is none of that name.
void select_mutant(const std::string& name);

struct options;
/// Plays with each until it is found; the exit code.
int hunt_mutants(const options& how);

} // namespace tk::sim
