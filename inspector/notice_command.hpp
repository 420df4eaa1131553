#pragma once

#include "inspector/node_client.hpp"
#include "inspector/notice_order.hpp"
#include "inspector/report.hpp"

namespace tk::inspector {

struct notice_options {
  node_options nodes;
  notice_order order;
  bool json = false;
};

/// Says it to the first node that can be reached; every other reads it from the rows. Tells which
/// notice it is, all that stand now, and on failure the operation under which a repetition does no
/// harm. The exit code: 0 done, or there was nothing to change; 2 refused, or the outcome is not
/// known.
int tell_buyers(notice_options options, const text_style& style);

} // namespace tk::inspector
