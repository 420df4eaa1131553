#pragma once

#include <cstdint>

namespace tk {

/// Whether all spans of a trace are kept: `percent` of the traces are, whoever made their ids.
/// Every node decides the same without asking another one.
bool sampled(uint64_t trace_hi, uint64_t trace_lo, int percent);

} // namespace tk
