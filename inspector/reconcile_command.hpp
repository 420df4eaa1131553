#pragma once

#include <string>

#include "inspector/node_client.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct reconcile_options {
  node_options nodes;
  std::string operation; ///< A uuid, under which the same is done once; empty: a fresh one.
  int wait_s = 600;
  bool json = false;
};

/// Has providers, payments, reservations and books compared now, and waits for the end; the exit
/// code.
int reconcile(reconcile_options options, const text_style& style);

} // namespace tk::inspector
