#pragma once

#include <string>

#include "inspector/node_client.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct case_options {
  node_options nodes;
  std::string id, reason;
  bool json = false;
};

/// Closes an operator case although nothing has repaired it (G18). The exit code: 0 done, or it was
/// closed before; 2 refused, or the outcome is not known.
int close_case(case_options options, const text_style& style);

} // namespace tk::inspector
