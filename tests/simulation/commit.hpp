#pragma once

namespace tk::sim {

/// The code that this program was built from, as `git describe` says it; "unknown" without git.
extern const char* const built_from;

} // namespace tk::sim
