#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace tk::sim {

/// A subcommand of the program: its name in `app`, and what it does, with an exit code.
struct command {
  CLI::App* parser = nullptr;
  std::function<int()> run;
};

/// `rehearse FILE`: what an evening would be like.
command add_rehearse(CLI::App& app);
/// `small [NAME]`: races in every order.
command add_small(CLI::App& app);

} // namespace tk::sim
