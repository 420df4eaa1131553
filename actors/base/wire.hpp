#pragma once

namespace tk {

/// What every `inspect` returns; messages need no CAF header for it (R2, R3).
template <class F> using wire = typename F::result_type;

} // namespace tk
