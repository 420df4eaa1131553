#pragma once

#include <string>
#include <vector>

#include "inspector/draw_check.hpp"

namespace tk::inspector {

struct draw_options {
  std::vector<std::string> files; ///< The answer of the fairness endpoint and the list's pages.
  drawn_person who;
  bool order = false; ///< Print all numbers as they are served.
  bool json = false;
};

/// Says whether the files fit each other, and where somebody stands; returns an exit code.
int verify_draw(const draw_options& options);

} // namespace tk::inspector
