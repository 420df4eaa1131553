#include "http/operators/told.hpp"

#include <algorithm>

namespace tk::http {

std::string told_json(const told& x, const std::string& node, instant now) {
  ordered out = {{"node", node}, {"at", to_iso_z(now)}};
  auto& parts = out["parts"] = ordered::array();
  for (auto& part : x.parts)
    parts.push_back({{"from", part.from},
                     {"as_of", to_iso_z(part.as_of)},
                     {"age_ms", std::max<int64_t>(0, (now - part.as_of).count())},
                     {"data", part.data}});
  auto& missing = out["missing"] = ordered::array();
  for (auto& gap : x.missing) missing.push_back({{"what", gap.what}, {"why", gap.why}});
  out["notes"] = x.notes;
  return out.dump(-1, ' ', false, ordered::error_handler_t::replace);
}

} // namespace tk::http
