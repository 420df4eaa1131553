#pragma once

#include <string_view>

/// Planted bugs, so that the simulation can prove that it would find them (docs/simulation.md). The
/// program `tiketi-sim-mutants` compiles the files that plant one a second time, with
/// TIKETI_MUTANTS, and selects one by name. Everywhere else this is a constant: nothing of a
/// mutant is left in a node. For .cpp files only: a header would mean two things in one program.
namespace tk {

#ifdef TIKETI_MUTANTS
/// True when this bug is the one that was selected.
bool mutant(std::string_view name);
#else
static constexpr bool mutant(std::string_view) { return false; }
#endif

} // namespace tk
