#include "supervisors/node_clock.hpp"

namespace tk {

instant node_clock::machine_now() {
  return std::chrono::floor<millis>(std::chrono::system_clock::now());
}

instant node_clock::now() const { return machine_now() + millis{offset_ms()}; }

} // namespace tk
