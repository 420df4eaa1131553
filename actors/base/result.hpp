#pragma once

#include <tl/expected.hpp>

#include "actors/base/errors.hpp"

namespace tk {

/// Expected failures are values (R6).
template <class T> using result = tl::expected<T, ec>;

} // namespace tk
