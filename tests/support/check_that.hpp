#pragma once

#include <caf/test/unit_test.hpp>

/// A check inside a loop: silent when it holds, and when it fails says for which of the values.
#define CHECK_THAT(condition, which)                                                               \
  do {                                                                                             \
    if (!(condition)) CAF_ERROR(#condition << " for " << which);                                   \
  } while (false)
