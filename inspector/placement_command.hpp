#pragma once

#include "inspector/node_client.hpp"
#include "inspector/placement_order.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct placement_options {
  node_options nodes;
  placement_order order;
  int wait_s = 300; ///< Until it has come true; 0: it is said and that is all.
  bool json = false;
};

/// Says it to the first node that can be reached, and tells how far it has come until it has come
/// true. The exit code: 0 done, or it was so already; 1 on record and not come true within the
/// time, or until a signal; 2 refused, or the outcome is not known.
int steer_placement(placement_options options, const text_style& style);

} // namespace tk::inspector
